package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// visitor goes through pages as a person with a browser would: it follows links and fills forms in. The demo signs in
// with it, through the same pages as everybody.
type visitor struct{ client *http.Client }

// pageLimit bounds what a visitor reads of one page.
const pageLimit = 1 << 20

func newVisitor(way http.RoundTripper) *visitor {
	// New fails only for options with a broken list, and there are none.
	jar, _ := cookiejar.New(nil)
	return &visitor{&http.Client{Jar: jar, Transport: way, Timeout: 30 * time.Second}}
}

// signIn signs in at product as the creator with that handle, who agrees to all that is asked.
func (v *visitor) signIn(ctx context.Context, product, creator string) error {
	at, page, err := v.open(ctx, product+"/sign-in")
	if err != nil {
		return fmt.Errorf("open the sign-in page: %w", err)
	}
	at, page, err = v.submit(ctx, at, page, "/sign-in/tiktok", nil)
	if err != nil {
		return fmt.Errorf("press the sign-in button: %w", err)
	}
	at, _, err = v.submit(ctx, at, page, "", url.Values{"creator": {creator}, "decision": {"allow"}})
	if err != nil {
		return fmt.Errorf("agree on the consent page: %w", err)
	}
	if home, err := url.Parse(product); err != nil || at.Host != home.Host || strings.HasPrefix(at.Path, "/callback") {
		return fmt.Errorf("signing in ended at %s%s", at.Host, at.Path)
	}
	return nil
}

// connect connects an account of the creator again, after signIn.
func (v *visitor) connect(ctx context.Context, product, creator, account string) error {
	at, page, err := v.post(ctx, product+"/connect/tiktok", url.Values{"account": {account}})
	if err != nil {
		return fmt.Errorf("press the button to connect again: %w", err)
	}
	at, _, err = v.submit(ctx, at, page, "", url.Values{"creator": {creator}, "decision": {"allow"}})
	if err == nil && strings.HasPrefix(at.Path, "/callback") {
		err = fmt.Errorf("connecting ended at %s%s", at.Host, at.Path)
	}
	return err
}

func (v *visitor) open(ctx context.Context, address string) (*url.URL, *html.Node, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	return v.do(req)
}

// submit fills in the form of a page whose action ends as given and sends it. Values replace what the form holds.
func (v *visitor) submit(ctx context.Context, at *url.URL, page *html.Node, action string, values url.Values) (*url.URL, *html.Node, error) {
	form := find(page, func(n *html.Node) bool {
		return n.Data == "form" && strings.HasSuffix(attr(n, "action"), action)
	})
	if form == nil {
		return nil, nil, fmt.Errorf("the page %s has no form for %q", at.Path, action)
	}
	fields := filled(form)
	for name, value := range values {
		fields[name] = value
	}
	target, err := at.Parse(attr(form, "action"))
	if err != nil {
		return nil, nil, err
	}
	if attr(form, "action") == "" {
		target = at
	}
	return v.post(ctx, target.String(), fields)
}

func (v *visitor) post(ctx context.Context, address string, values url.Values) (*url.URL, *html.Node, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(req)
}

func (v *visitor) do(req *http.Request) (*url.URL, *html.Node, error) {
	resp, err := v.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	page, err := html.Parse(io.LimitReader(resp.Body, pageLimit))
	err = errors.Join(err, resp.Body.Close())
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", resp.Request.URL.Path, resp.Status)
	}
	return resp.Request.URL, page, err
}

// filled returns what a form sends when nothing is changed in it.
func filled(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Type != html.ElementNode || n.Data != "input" || attr(n, "name") == "" {
			continue
		}
		switch attr(n, "type") {
		case "checkbox", "radio":
			if has(n, "checked") {
				values.Add(attr(n, "name"), attr(n, "value"))
			}
		case "submit", "button", "image":
		default:
			values.Add(attr(n, "name"), attr(n, "value"))
		}
	}
	return values
}

func find(n *html.Node, match func(*html.Node) bool) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && match(d) {
			return d
		}
	}
	return nil
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}
