package api

import (
	"encoding/json"
	"maps"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// describe returns the settings of the library and the head of the OpenAPI document.
func describe() huma.Config {
	config := huma.DefaultConfig("ShipPost", "1.0.0")
	config.Info.Description = "Schedule videos and photos and publish them to TikTok exactly once, on the second.\n\n" +
		"Requests carry an API key (`Authorization: Bearer sp_…`) or a session cookie. Lists are paged with `cursor` and `limit`. " +
		"A refusal is a problem document (RFC 9457) with a stable `code`. Whoever asks too much in a short time gets 429 with " +
		"`Retry-After`; nothing was done then."
	// No routes of the library's own: the document is served by us, and answers carry no links to schemas.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.NoFormatFallback = false
	// The second is for application/problem+json.
	config.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	config.Servers = []*huma.Server{{URL: Prefix}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key":     {Type: "http", Scheme: "bearer", Description: "An API key, made in the settings. It acts for its user in one workspace."},
		"session": {Type: "apiKey", In: "cookie", Name: "__Host-shippost", Description: "The session of a browser."},
	}
	config.Components.Schemas.Schema(reflect.TypeFor[problemDocument](), true, "")
	config.Security = []map[string][]string{{"key": {}}, {"session": {}}}
	return config
}

// sessionOnly is the security of operations that no API key may use.
var sessionOnly = []map[string][]string{{"session": {}}}

// problemResponse is the answer of every operation that refuses.
var problemResponse = map[string]*huma.Response{"default": {
	Description: "Refused. `code` says why, `detail` says it in a sentence, `problems` lists everything that is wrong.",
	Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ProblemDocument"}}},
}}

func merge(a, b map[string]*huma.Response) map[string]*huma.Response {
	all := maps.Clone(b)
	maps.Copy(all, a)
	return all
}

// published takes out of a document what is not ours, and returns what writes it as it is published.
func published(o *huma.OpenAPI) func() []byte {
	// The library's own error type never leaves the server. It goes now: later the library reads this map for each request.
	delete(o.Components.Schemas.Map(), "ErrorModel")
	delete(o.Components.Schemas.Map(), "ErrorDetail")
	return func() []byte {
		text, err := json.MarshalIndent(o, "", "  ")
		if err != nil {
			panic(err) // the types of this package are wrong, which a test of this package finds
		}
		return append(text, '\n')
	}
}
