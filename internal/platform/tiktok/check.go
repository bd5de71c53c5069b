package tiktok

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// CheckKeys asks TikTok whether client key and secret belong together, by a token that can do nothing here (TikTok contract
// 2.6). It returns nil also when TikTok knows them and gives this app no such token.
func (c *Client) CheckKeys(ctx context.Context) error {
	_, err := c.token(ctx, "oauth.check", url.Values{"grant_type": {"client_credentials"}})
	switch e := platform.AsError(err); {
	case e == nil:
		return err
	case e.Reach == platform.Answered && e.Status < http.StatusInternalServerError && (e.Code == "unauthorized_client" || e.Code == "unsupported_grant_type" || e.Code == "invalid_scope"):
		return nil
	default:
		return err
	}
}

// Limits of redirect URIs (TikTok contract 1.1, 1.4).
const longestRedirect = 511

// CheckRedirect says why TikTok would not register a redirect URI.
func CheckRedirect(address string) error {
	bad := func(format string, args ...any) error {
		return shippost.Errorf(shippost.Invalid, "redirect_unfit", format, args...).With(shippost.RemedyOperator)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return bad("it is no absolute address")
	case len(address) > longestRedirect:
		return bad("it is longer than TikTok takes (511 characters)")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return bad("TikTok takes no query and no fragment in it")
	}
	if host := u.Hostname(); host == "localhost" || host == "127.0.0.1" {
		if u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" {
			return bad("on this machine it needs http and a port, as that of a desktop app")
		}
		return nil
	}
	switch {
	case u.Scheme != "https":
		return bad("it must begin with https")
	case net.ParseIP(u.Hostname()) != nil:
		return bad("it must name a domain, not a number")
	}
	return nil
}

// KeysRefused reports whether an error of CheckKeys says that key and secret do not belong together.
func KeysRefused(err error) bool {
	var e *platform.Error
	return errors.As(err, &e) && e.Reach == platform.Answered && (e.Code == "invalid_client" || e.Code == "invalid_request")
}
