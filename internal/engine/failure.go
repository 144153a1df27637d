package engine

import (
	"context"
	"errors"

	"github.com/linli/linli/internal/fault"
)

// away reports whether an error is about the whole database or about others who are faster, and not about what was to be written.
func (e *Engine) away(err error) bool {
	return fault.KindOf(err) == fault.Unavailable || errors.Is(err, ErrConflict) || errors.Is(err, ErrUnknownOutcome) || e.unreachable(err)
}

// failure is what people see of a command that could not be decided or written. Of one that was lost sight of while it was being
// committed it never says that nothing was saved, unless the database has said so.
func (e *Engine) failure(j *job, err error) error {
	switch {
	case errors.Is(err, ErrCodeTaken): // where programmes are registered the core sees it first
		return fault.Wrap(err, fault.Refused, "code_taken", "这个编号已被另一个项目使用；请换一个", "another programme has this code already; choose another").WithField("code")
	case errors.Is(err, ErrUnstorable):
		return err
	case j.unknown:
		return fault.Wrap(err, fault.Unavailable, "outcome_unknown", "与数据库的连接中断，尚不知是否已保存；请用同一编号重试",
			"the connection to the database was lost and it is not known whether this was saved; repeat it with the same command id")
	case errors.Is(err, ErrConflict):
		return fault.Wrap(err, fault.Unavailable, "busy", "系统繁忙，本次操作没有保存；请稍后重试",
			"too many others are changing the same things; nothing was saved, try again shortly")
	case fault.KindOf(err) == fault.Unavailable:
		return err
	case errors.Is(err, ErrUnknownOutcome), e.unreachable(err):
		return fault.Wrap(err, fault.Unavailable, "database_unreachable", "数据库暂时没有应答，本次操作没有保存；请稍后重试",
			"the database does not answer just now; nothing was saved, try again shortly")
	}
	return err
}

// settle asks the history, after a lost connection, which commands of a slice were committed, and answers those. The outcome of the
// others counts as unknown until they are answered: what was lost sight of may still be on its way in the database.
func (e *Engine) settle(ctx context.Context, s *work, p *patience) {
	var lost []*part
	for _, part := range s.parts {
		if !part.answered && part.refusal == nil {
			part.job.unknown = true
			part.job.req.fresh = false // from now on its id may be in the chain
			lost = append(lost, part)
		}
	}
	for _, part := range lost {
		for try := 0; ; try++ {
			got, err := e.store.Committed(ctx, s.key.community, s.key.root, part.job.req.ID)
			if err == nil && got != nil {
				part.answered = true
				part.job.answer(part.result, nil)
			}
			if err == nil {
				break
			}
			if try == maxAttempts || p.over() {
				return // nor would it answer for the others
			}
			backoff(try)
		}
	}
}
