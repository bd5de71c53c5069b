package tiktok_test

import (
	"net/http"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
)

func signer(t testing.TB) *tiktok.Client {
	t.Helper()
	clients, err := outbound.New(tiktok.Policy(""))
	if err != nil {
		t.Fatal(err)
	}
	c, err := tiktok.New(tiktok.Options{ClientKey: "ck_test", ClientSecret: shippost.NewSecret("shippost-test-secret"), Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The published example of the contract (6.4).
const (
	vectorBody      = `{"client_key":"ck_test","event":"post.publish.complete","create_time":1700000000,"user_openid":"oid-1","content":"{\"publish_id\":\"v_pub_url~v2.1\",\"publish_type\":\"X\"}"}`
	vectorSignature = "t=1700000003,s=55f5025d158289e02df899915701c5a05151919982c801b76625ec8f15452653"
)

func TestReadEvent_Vector(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"TikTok-Signature", "Tiktok-Signature", "tiktok-signature"} {
		header := http.Header{}
		header.Set(name, vectorSignature)
		got, err := signer(t).ReadEvent(header, []byte(vectorBody))
		want := platform.Event{Kind: platform.EventPost, Name: "post.publish.complete", Subject: "oid-1", PublishID: "v_pub_url~v2.1", State: platform.Published,
			At: time.Unix(1700000000, 0), SignedAt: time.Unix(1700000003, 0)}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, want)
		}
	}
}

func FuzzReadEvent(f *testing.F) {
	c := signer(f)
	f.Add(vectorSignature, vectorBody)
	f.Add("s=,t=", "{}")
	f.Add("t=1700000003,t=2,s=00", vectorBody)
	f.Add(",,,=", "")
	f.Fuzz(func(t *testing.T, signature, body string) {
		e, err := c.ReadEvent(http.Header{"Tiktok-Signature": {signature}}, []byte(body))
		if err == nil && body != vectorBody {
			t.Errorf("a message nobody signed was read: %+v", e)
		}
		if err != nil && (!shippost.IsKind(err, shippost.Forbidden) || e != (platform.Event{})) {
			t.Errorf("%v with %+v", err, e)
		}
	})
}
