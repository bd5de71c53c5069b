package lifecycle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/store"
)

// eraseDue carries out every erasure whose time has come.
func (k *Keeper) eraseDue(ctx context.Context) error {
	var open []store.Erasure
	err := k.DB.View(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.OpenErasures(ctx)
		return err
	})
	errs := []error{err}
	for _, e := range open {
		if !k.Now().Before(e.DueAt) {
			errs = append(errs, k.carryOut(ctx, e.ID))
		}
	}
	errs = append(errs, k.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.ForgetErasures(ctx, k.Now().Add(-auditLife))
		return err
	}))
	return errors.Join(errs...)
}

// carryOut does an erasure if it is due, and before that asks the platforms to let go, which needs no clock. By one that may be
// wrong nothing is due: the next sweep tries again. It can be cut off anywhere: what is left is found again, and an erasure counts
// as carried out only when nothing was left.
func (k *Keeper) carryOut(ctx context.Context, id string) error {
	var e store.Erasure
	err := k.DB.View(ctx, func(tx *store.Tx) (err error) {
		e, err = tx.Erasure(ctx, id)
		return err
	})
	if shippost.IsKind(err, shippost.NotFound) || err == nil && (!e.UndoneAt.IsZero() || !e.ErasedAt.IsZero()) {
		return nil
	}
	if err != nil {
		return err
	}
	parted := k.Accounts.FinishPartings(ctx)
	if k.Now().Before(e.DueAt) || k.Sure != nil && !k.Sure(ctx) {
		return parted
	}
	if parted != nil {
		k.Log.Warn("a platform did not confirm that our access is gone; the keys to it are deleted all the same", "erasure", e.ID, "err", parted)
	}
	counts, err := k.purge(ctx, e.Plan, e.ID)
	if err != nil {
		return fmt.Errorf("erasure %s: %w", e.ID, err)
	}
	e.Plan, e.ErasedAt = store.ErasurePlan{}, k.DB.Now()
	if e.Receipt == nil {
		e.Receipt = map[string]int64{}
	}
	for name, n := range counts {
		e.Receipt[name] += n
	}
	if err := k.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.SaveErasure(ctx, e); return err }); err != nil {
		return err
	}
	k.Log.Info("erased", "erasure", e.ID, "what", e.What)
	return nil
}

// purge deletes what a plan names: first it is written down outside the database that it is gone, so that a restored backup
// cannot bring it back, then files, then rows in the order of the catalogue, then what they leave behind in the database's files.
func (k *Keeper) purge(ctx context.Context, plan store.ErasurePlan, alias string) (map[string]int64, error) {
	counts := map[string]int64{}
	if err := k.bury(ctx, plan, alias); err != nil {
		return nil, err
	}
	for _, ws := range plan.Workspaces {
		if err := k.purgeWorkspace(ctx, ws, alias, counts); err != nil {
			return nil, err
		}
	}
	for _, account := range plan.Accounts {
		if err := k.Accounts.DropAvatar(ctx, account); err != nil {
			return nil, err
		}
		if err := k.settle(ctx, string(account), alias, counts, func(t Table) Tie { return t.Account }); err != nil {
			return nil, err
		}
	}
	for _, user := range plan.Users {
		if err := k.purgePerson(ctx, user, alias, counts); err != nil {
			return nil, err
		}
	}
	return counts, k.DB.Scrub(ctx)
}

func (k *Keeper) purgeWorkspace(ctx context.Context, ws shippost.WorkspaceID, alias string, counts map[string]int64) error {
	files, err := k.Library.Erase(ctx, ws)
	if err != nil {
		return err
	}
	counts["files"] += int64(files)
	var accounts []shippost.Account
	err = k.DB.View(ctx, func(tx *store.Tx) (err error) {
		accounts, err = tx.Accounts(ctx, ws)
		return err
	})
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if err := k.Accounts.DropAvatar(ctx, a.ID); err != nil {
			return err
		}
	}
	if err := k.dropArchivesOf(ctx, ws, ""); err != nil {
		return err
	}
	return k.settle(ctx, string(ws), alias, counts, func(t Table) Tie { return t.Workspace })
}

func (k *Keeper) purgePerson(ctx context.Context, user shippost.UserID, alias string, counts map[string]int64) error {
	if err := k.dropArchivesOf(ctx, "", user); err != nil {
		return err
	}
	if err := k.settle(ctx, string(user), alias, counts, func(t Table) Tie { return t.Person }); err != nil {
		return err
	}
	// Where others go on with what this person made, a row without a name stays, so that it has a maker.
	return k.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.DeleteUser(ctx, user); return err })
}

// settle walks the catalogue for one owner.
func (k *Keeper) settle(ctx context.Context, owner, alias string, counts map[string]int64, tieOf func(Table) Tie) error {
	for _, table := range Tables {
		tie := tieOf(table)
		if tie.Fate != Deleted && tie.Fate != Blanked {
			continue
		}
		n, err := k.counted(ctx, func(tx *store.Tx) (int64, error) {
			switch {
			case tie.Fate == Deleted:
				return tx.DeleteOwned(ctx, table.Name, tie.Claim, owner, batch)
			case table.Name == "journal":
				return k.eraseEntries(ctx, tx, tie, owner, alias)
			default:
				return tx.BlankOwned(ctx, table.Name, tie.Claim, owner, tie.Blank, alias, batch)
			}
		})
		if err != nil {
			return fmt.Errorf("%s: %w", table.Name, err)
		}
		if n > 0 {
			counts[table.Name] += n
		}
	}
	return nil
}

// eraseEntries takes from entries of the journal everything but what happened and when, and deletes those about posts and files of a
// workspace that goes. The journal's chain learns of both.
func (k *Keeper) eraseEntries(ctx context.Context, tx *store.Tx, tie Tie, owner, alias string) (int64, error) {
	if err := tx.LockChain(ctx); err != nil {
		return 0, err
	}
	lines, err := tx.LinesOf(ctx, tie.Claim, owner, tie.Blank, alias, batch)
	if err != nil {
		return 0, err
	}
	var gone, blanked []store.Line
	for _, l := range lines {
		if tie.Column == "workspace_id" && (l.Post != "" || l.Media != "") {
			gone = append(gone, l)
		} else {
			blanked = append(blanked, l)
		}
	}
	if err := k.Chain.Remove(ctx, tx, gone); err != nil {
		return 0, err
	}
	return int64(len(lines)), k.Chain.Blank(ctx, tx, blanked, tie.Blank, alias)
}

// tombstoneFolder is where the bucket keeps what was erased, by hash. Ids hold 80 random bits, so that a hash names nobody.
const tombstoneFolder = "tombstone"

func tombstone(id string) string {
	sum := sha256.Sum256([]byte("erased " + id))
	return hex.EncodeToString(sum[:])
}

// bury writes a tombstone for everything a plan names.
func (k *Keeper) bury(ctx context.Context, plan store.ErasurePlan, alias string) error {
	note, err := json.Marshal(map[string]string{"erasure": alias, "at": k.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	for _, id := range plan.Names() {
		if _, err := k.Bucket.Put(ctx, blob.Key(tombstoneFolder, tombstone(id)), bytes.NewReader(note)); err != nil {
			return fmt.Errorf("write a tombstone: %w", err)
		}
	}
	return nil
}

// Replay erases again whatever a restored backup brought back. Run it before anything is served or published.
func (k *Keeper) Replay(ctx context.Context) error {
	buried := map[string]bool{}
	for info, err := range k.Bucket.List(ctx, tombstoneFolder) {
		if err != nil {
			return fmt.Errorf("read the tombstones: %w", err)
		}
		buried[strings.TrimPrefix(info.Key, tombstoneFolder+"/")] = true
	}
	if len(buried) == 0 {
		return nil
	}
	var plan store.ErasurePlan
	err := k.DB.View(ctx, func(tx *store.Tx) error {
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range users {
			// One without a name that may not sign in is what an erasure leaves behind.
			if buried[tombstone(string(u.ID))] && (u.Name != "" || u.DisabledAt.IsZero()) {
				plan.Users = append(plan.Users, u.ID)
			}
		}
		workspaces, err := tx.Workspaces(ctx)
		if err != nil {
			return err
		}
		for _, ws := range workspaces {
			gone := buried[tombstone(string(ws.ID))]
			if gone {
				plan.Workspaces = append(plan.Workspaces, ws.ID)
			}
			accounts, err := tx.Accounts(ctx, ws.ID)
			if err != nil {
				return err
			}
			for _, a := range accounts {
				if !gone && a.Subject != "" && buried[tombstone(string(a.ID))] {
					plan.Accounts = append(plan.Accounts, a.ID)
				}
			}
		}
		return nil
	})
	if err != nil || len(plan.Users)+len(plan.Workspaces)+len(plan.Accounts) == 0 {
		return err
	}
	k.Log.Warn("this database holds what was erased since it was saved; it is erased again", "people", len(plan.Users), "workspaces", len(plan.Workspaces))
	if err := k.DB.Update(ctx, func(tx *store.Tx) error { return k.silence(ctx, tx, plan) }); err != nil {
		return err
	}
	_, err = k.purge(ctx, plan, newID("ers_"))
	return err
}

// silence ends what a restored database believes it has to do for those who are erased.
func (k *Keeper) silence(ctx context.Context, tx *store.Tx, plan store.ErasurePlan) error {
	now := tx.Now()
	for _, user := range plan.Users {
		if _, err := tx.DisableUser(ctx, user, now); err != nil {
			return err
		}
	}
	return k.part(ctx, tx, plan, now, shippost.System)
}
