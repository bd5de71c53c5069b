package journal

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// keysMeta is the row of the chain's keys: each sealed, in the order of their numbers. A server's keys may be rotated as often as one
// likes: they seal these, and these stay what they are, or no old link could be checked any more.
const keysMeta = "chain_keys"

func keyRow(n int) seal.Row {
	return seal.Row{Table: "meta", Column: "value", ID: keysMeta + " " + strconv.Itoa(n)}
}

// keys returns the keys of the chain, by number less one.
func (c *Chain) keys(ctx context.Context, tx *store.Tx) (keys [][]byte, err error) {
	text, err := tx.Meta(ctx, keysMeta)
	if err != nil {
		return nil, err
	}
	for i, sealed := range strings.Fields(text) {
		key, err := c.Sealer.Open(sealed, keyRow(i+1))
		if err != nil {
			return nil, fmt.Errorf("open key %d of the journal's chain: %w", i+1, err)
		}
		keys = append(keys, []byte(key.Reveal()))
	}
	return keys, nil
}

// addKey makes the key that new links get from now on. It needs the lock of the chain.
func (c *Chain) addKey(ctx context.Context, tx *store.Tx) error {
	text, err := tx.Meta(ctx, keysMeta)
	if err != nil {
		return err
	}
	sealed := strings.Fields(text)
	fresh, err := c.Sealer.Seal(shippost.NewSecret(rand.Text()+rand.Text()), keyRow(len(sealed)+1))
	if err != nil {
		return err
	}
	return tx.SetMeta(ctx, keysMeta, strings.Join(append(sealed, fresh), " "))
}

// Reseal seals the chain's keys with the server's present key, in the transaction of a rotation, and reports whether it had to.
// With fresh the links to come get a new key: one that may be known to somebody else proves nothing.
func (c *Chain) Reseal(ctx context.Context, tx *store.Tx, fresh bool) (changed bool, err error) {
	if err := tx.LockChain(ctx); err != nil {
		return false, err
	}
	text, err := tx.Meta(ctx, keysMeta)
	if err != nil {
		return false, err
	}
	sealed := strings.Fields(text)
	for i := range sealed {
		renewed, did, err := c.Sealer.Reseal(sealed[i], keyRow(i+1))
		if err != nil {
			return false, err
		}
		sealed[i], changed = renewed, changed || did
	}
	if changed {
		if err := tx.SetMeta(ctx, keysMeta, strings.Join(sealed, " ")); err != nil {
			return false, err
		}
	}
	if !fresh {
		return changed, nil
	}
	return true, c.addKey(ctx, tx)
}

// SealedByOldKey returns how many of the chain's keys are sealed with a key of the server that is not in use any more.
func (c *Chain) SealedByOldKey(ctx context.Context, tx *store.Tx) (n int, err error) {
	text, err := tx.Meta(ctx, keysMeta)
	for _, sealed := range strings.Fields(text) {
		if c.Sealer.IsOld(sealed) {
			n++
		}
	}
	return n, err
}
