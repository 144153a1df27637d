package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linli/linli/internal/engine"
)

// Replay implements engine.Store.
func (s *Store) Replay(ctx context.Context, community, person, key string, now time.Time) (*engine.Idempotency, error) {
	var found *engine.Idempotency
	err := s.each(ctx, `select person, key, fingerprint, root, command, response, expires from idempotency
		where community = ? and person = ? and key = ? and expires > ?`, func(rows *sql.Rows) error {
		var k engine.Idempotency
		var expires instant
		err := rows.Scan(&k.Person, &k.Key, &k.Fingerprint, &k.Root, &k.Command, &k.Response, &expires)
		k.Expires = expires.Time
		found = &k
		return err
	}, community, person, key, instant{now})
	if err != nil {
		return nil, fmt.Errorf("look for the answer to an idempotency key: %w", err)
	}
	return found, nil
}

// expireStep is how many stored answers are looked at in one transaction, so that commits come in between.
const expireStep = 1000

// IdempotencyExpire forgets the stored answers that have expired at now and returns how many there were. On SQLite some that came
// later than one that lives on may be left for another time.
func (s *Store) IdempotencyExpire(ctx context.Context, now time.Time) (int64, error) {
	var n int64
	var err error
	if s.dialect.name == sqliteDriver {
		n, err = s.expireInOrder(ctx, now)
	} else {
		err = s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
			n, err = t.exec(ctx, "delete from idempotency where expires <= ?", instant{now})
			return err
		})
	}
	if err != nil {
		return n, fmt.Errorf("forget expired idempotency keys: %w", err)
	}
	return n, nil
}

// expireInOrder goes through the answers in the order in which they came, step by step, until it meets a step of which none has
// expired. It does not stop at the first answer that lives on: a key that was used again has kept its old place.
func (s *Store) expireInOrder(ctx context.Context, now time.Time) (int64, error) {
	var total, from int64
	for {
		var step struct{ Last, Looked int64 }
		err := s.get(ctx, &step, `select coalesce(max(x.rowid), 0) as last, count(*) as looked
			from (select r.rowid from idempotency as r where r.rowid > ? order by r.rowid limit ?) as x`, from, expireStep)
		if err != nil {
			return total, err
		}
		var gone int64
		err = s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
			gone, err = t.exec(ctx, "delete from idempotency where rowid > ? and rowid <= ? and expires <= ?", from, step.Last, instant{now})
			return err
		})
		total += gone
		if err != nil || gone == 0 || step.Looked < expireStep {
			return total, err
		}
		from = step.Last
	}
}

// SubjectKeys implements engine.Store.
func (s *Store) SubjectKeys(ctx context.Context, community string, subjects []string) (map[string]engine.SubjectKey, error) {
	keys := make(map[string]engine.SubjectKey, len(subjects))
	rows := make([][]any, 0, len(subjects))
	for _, subject := range subjects {
		rows = append(rows, []any{subject})
	}
	err := s.eachOf(ctx, community, "select r.subject, r.key_id, r.wrapped, r.destroyed from ("+rowsMark+`) as v cross join subject_keys as r
		where r.subject = v.column1 and r.community = @community`, rows, func(found *sql.Rows) error {
		k, err := scanSubjectKey(found)
		keys[k.Subject] = k
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read subject keys: %w", err)
	}
	return keys, nil
}

func scanSubjectKey(rows *sql.Rows, before ...any) (engine.SubjectKey, error) {
	var k engine.SubjectKey
	var destroyed instant
	err := rows.Scan(append(before, &k.Subject, &k.KeyID, &k.Wrapped, &destroyed)...)
	k.Destroyed = destroyed.Time
	return k, err
}

// CommunityKey is a subject's key together with the community it belongs to.
type CommunityKey struct {
	Community string
	engine.SubjectKey
}

// SubjectKeysUnder returns living subject keys that are wrapped by the given master key, at most limit, so that they
// can be wrapped anew when that master key is replaced.
func (s *Store) SubjectKeysUnder(ctx context.Context, keyID string, limit int) ([]CommunityKey, error) {
	var out []CommunityKey
	err := s.each(ctx, `select community, subject, key_id, wrapped, destroyed from subject_keys
		where key_id = ? and destroyed is null limit ?`, func(rows *sql.Rows) error {
		var k CommunityKey
		var err error
		k.SubjectKey, err = scanSubjectKey(rows, &k.Community)
		out = append(out, k)
		return err
	}, keyID, limit)
	if err != nil {
		return nil, fmt.Errorf("read the subject keys under master key %s: %w", keyID, err)
	}
	return out, nil
}

// MasterKeysInUse returns the ids of the master keys under which living subject keys are wrapped, in order.
func (s *Store) MasterKeysInUse(ctx context.Context) ([]string, error) {
	var out []string
	err := s.each(ctx, "select distinct key_id from subject_keys where destroyed is null order by key_id", func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		out = append(out, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for the master keys in use: %w", err)
	}
	return out, nil
}

// RewrapSubjectKey replaces the wrapping of a living subject key, if it is still the one under oldKeyID. It reports
// whether it was; a key that was destroyed meanwhile stays destroyed.
func (s *Store) RewrapSubjectKey(ctx context.Context, oldKeyID string, k CommunityKey) (bool, error) {
	if err := checkText("subject_keys.key_id", k.KeyID); err != nil {
		return false, err
	}
	var n int64
	err := s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
		var err error
		n, err = t.exec(ctx, `update subject_keys set key_id = ?, wrapped = ?
			where community = ? and subject = ? and key_id = ? and destroyed is null`, k.KeyID, k.Wrapped, k.Community, k.Subject, oldKeyID)
		if err != nil {
			return fmt.Errorf("wrap the key of subject %s anew: %w", k.Subject, err)
		}
		return nil
	})
	return n > 0, err
}
