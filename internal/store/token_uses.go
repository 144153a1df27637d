package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"
)

// TokenUse says when a token was used.
type TokenUse struct {
	Community, Token string // Token is the id of the token's instance
	Used             time.Time
}

// TokensUsed records when tokens were used. Of all uses of a token that were ever given, the latest stays, in whatever order they
// come and from however many processes. Times are kept to the microsecond.
func (s *Store) TokensUsed(ctx context.Context, used []TokenUse) error {
	latest := map[place]time.Time{}
	for _, u := range used {
		if err := checkTexts(column{"token_uses.community", u.Community}, column{"token_uses.token", u.Token}); err != nil {
			return err
		}
		if at := (place{u.Community, u.Token}); u.Used.After(latest[at]) {
			latest[at] = u.Used
		}
	}
	if len(latest) == 0 {
		return nil
	}
	rows := make([][]any, 0, len(latest))
	for _, at := range slices.SortedFunc(maps.Keys(latest), place.compare) { // in one order, so that no two processes wait for each other
		rows = append(rows, []any{at.community, at.id, instant{latest[at]}})
	}
	return s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
		_, err := t.execRows(ctx, `insert into token_uses (community, token, used_at) `+rowsMark+`
			on conflict (community, token) do update set used_at = excluded.used_at where excluded.used_at > token_uses.used_at`, rows)
		if err != nil {
			return fmt.Errorf("record when %d tokens were used: %w", len(rows), err)
		}
		return nil
	})
}

// TokenUses returns when each of the given tokens was used last. One that never was is absent from the answer.
func (s *Store) TokenUses(ctx context.Context, community string, tokens []string) (map[string]time.Time, error) {
	uses := make(map[string]time.Time, len(tokens))
	rows := make([][]any, 0, len(tokens))
	for _, token := range tokens {
		rows = append(rows, []any{token})
	}
	text := "select r.token, r.used_at from (" + rowsMark + ") as v cross join token_uses as r where r.token = v.column1 and r.community = @community"
	err := s.eachOf(ctx, community, text, rows, func(row *sql.Rows) error {
		var token string
		var at instant
		err := row.Scan(&token, &at)
		uses[token] = at.Time
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read when tokens were used: %w", err)
	}
	return uses, nil
}
