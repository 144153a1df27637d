package engine

import (
	"encoding/json"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/workflow"
)

// keepKeys is how long an idempotency key is remembered.
const keepKeys = 72 * time.Hour

// check refuses what no rule could decide: a request without a community, or with text that cannot be stored.
func (r *Request) check() error {
	if bad := r.CheckTexts(); len(bad) > 0 {
		return &workflow.Refusal{Command: r.ID, Target: r.Target, Event: r.Event, Reasons: bad}
	}
	if r.Community == "" {
		return fault.NewInvalid("community", "community_missing", "请指定社区", "name the community")
	}
	if r.Root == "" && r.Target == "" && r.Kind != workflow.KindCreate {
		return fault.NewInvalid("root", "programme_missing", "请指定项目", "name the programme")
	}
	if len(r.IdempotencyKey) > 200 {
		return fault.NewInvalid("idempotency_key", "idempotency_key_too_long", "Idempotency-Key 最多 200 个字符", "an Idempotency-Key has at most 200 characters")
	}
	return nil
}

// fingerprint tells one request from another under the same idempotency key. It is kept for days, and the request may hold a
// mobile number: so it is a hash under a key, which nobody can find by trying every number.
func (r *Request) fingerprint(keys *seal.Keyring) (string, error) {
	c := r.Command
	c.ID = ""
	b, err := json.Marshal(struct {
		Command workflow.Command
		Values  map[string]any
		At      time.Time
	}{c, r.Values, r.At})
	if err != nil {
		return "", fault.NewInvalid("values", "unreadable_input", "输入无法识别："+err.Error(), "the input cannot be read: "+err.Error())
	}
	return keys.Fingerprint(r.Community, b), nil
}
