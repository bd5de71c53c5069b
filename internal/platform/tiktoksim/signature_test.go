package tiktoksim

import "testing"

// TestSignatureVector is the published example of TikTok contract 6.4.
func TestSignatureVector(t *testing.T) {
	const body = `{"client_key":"ck_test","event":"post.publish.complete","create_time":1700000000,"user_openid":"oid-1","content":"{\"publish_id\":\"v_pub_url~v2.1\",\"publish_type\":\"X\"}"}`
	const want = "55f5025d158289e02df899915701c5a05151919982c801b76625ec8f15452653"
	if got := sign("shippost-test-secret", 1700000003, []byte(body)); got != want || len(body) != 174 {
		t.Errorf("the signature of %d bytes is %s, want %s", len(body), got, want)
	}
}
