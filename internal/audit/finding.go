package audit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// Kind says what sort of thing does not hold.
type Kind string

// The kinds of finding.
const (
	KindEntry      Kind = "entry"       // an entry of the history is not what the key or its own columns say
	KindMissing    Kind = "missing"     // an entry is missing
	KindCut        Kind = "cut"         // the checkpoint file knows more, or other, entries
	KindHead       Kind = "head"        // the root's own row does not fit the end of its chain
	KindBundle     Kind = "bundle"      // the definitions that the root runs on are missing or changed
	KindDeleted    Kind = "deleted"     // a programme or a registry is gone
	KindStranger   Kind = "stranger"    // a programme, or rows of one, that the registry does not know
	KindRow        Kind = "row"         // a row is not what the history makes it
	KindAdded      Kind = "added"       // a row that no entry created
	KindRemoved    Kind = "removed"     // a row is gone that no entry removed
	KindAggregate  Kind = "aggregate"   // a count or sum is not what its items come to
	KindDistinct   Kind = "distinct"    // a count of different values is not what its items come to
	KindReference  Kind = "reference"   // the table of references is not what the rows name
	KindTimer      Kind = "timer"       // a timer does not fit its row
	KindWaiting    Kind = "waiting"     // the table of what waits for somebody does not fit the rows
	KindSubjectKey Kind = "subject_key" // the key of a personal value is gone, though nobody was erased
	KindUnreadable Kind = "unreadable"  // an entry or a row cannot be decoded
)

// Finding is the first thing in one root that does not hold.
type Finding struct {
	Kind      Kind          `json:"kind"`
	Community string        `json:"community"`
	Root      string        `json:"root"`
	Code      string        `json:"code,omitempty"`     // the programme's short name, where known
	Seq       int64         `json:"seq,omitempty"`      // the entry; 0 if it is not about one
	Instance  string        `json:"instance,omitempty"` // the row; "" if it is not about one
	Text      workflow.Text `json:"text"`               // what differs
}

// In returns the finding as one sentence in lang ("zh" or "en"), beginning with where it is.
func (f Finding) In(lang string) string {
	zh := lang == "zh"
	pick := func(a, b string) string {
		if zh {
			return a
		}
		return b
	}
	var where []string
	where = append(where, pick("社区 ", "community ")+f.Community)
	switch {
	case f.Root == f.Community:
		where = append(where, pick("登记册", "registry"))
	case f.Code != "":
		where = append(where, fmt.Sprintf(pick("项目 %s（%s）", "programme %s (%s)"), f.Code, f.Root))
	default:
		where = append(where, pick("项目 ", "programme ")+f.Root)
	}
	if f.Seq != 0 {
		where = append(where, fmt.Sprintf(pick("历史第 %d 条", "history entry %d"), f.Seq))
	}
	if f.Instance != "" {
		where = append(where, pick("记录 ", "row ")+f.Instance)
	}
	return strings.Join(where, pick("，", ", ")) + pick("：", ": ") + f.Text.In(lang)
}

// wrong is a finding without its place.
type wrong struct {
	kind     Kind
	seq      int64
	instance string
	text     workflow.Text
}

func texts(zh, en string, args ...any) workflow.Text {
	return workflow.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func stamp(t time.Time) string { return t.UTC().Format(workflow.TimeLayout) }

func missingEntry(seq, next int64) *wrong {
	if next == 0 {
		return &wrong{kind: KindMissing, seq: seq, text: texts("此条及以后的历史缺失：项目记录说还有更多条目", "it is missing, and so is what followed: the root says that there is more")}
	}
	return &wrong{kind: KindMissing, seq: seq, text: texts("此条缺失：其后直接是第 %d 条", "it is missing: entry %d comes next", next)}
}

func tooMany(seq int64) *wrong {
	return &wrong{kind: KindHead, seq: seq, text: texts("此条在项目记录所说的末尾之后", "it lies after what the root says is the last entry")}
}

func wrongMAC(seq int64) *wrong {
	w := &wrong{kind: KindEntry, seq: seq, text: texts(
		"校验码不符：此条的内容或顺序被改动，或它不是用本审计密钥写成的",
		"its MAC does not fit: the entry was changed or moved, or it was not written under this audit key")}
	return w
}

func unreadableEntry(seq int64, err error) *wrong {
	return &wrong{kind: KindUnreadable, seq: seq, text: texts("内容无法读取：%v", "it cannot be read: %v", err)}
}

func disagrees(seq int64, what, column, body string) *wrong {
	return &wrong{kind: KindEntry, seq: seq, text: texts(
		"数据库列 %s 为 %q，而条目内容为 %q", "the column %s says %q, the entry itself %q", what, column, body)}
}

func wentBack(seq int64, before, now time.Time) *wrong {
	return &wrong{kind: KindEntry, seq: seq, text: texts(
		"记录时间 %[2]s 早于上一条的 %[1]s", "it was recorded at %[2]s, before the entry that precedes it (%[1]s)", stamp(before), stamp(now))}
}

func doesNotFollow(seq int64, instance string) *wrong {
	return &wrong{kind: KindEntry, seq: seq, instance: instance, text: texts(
		"所记的变更与之前各条的结果接不上", "the change it records does not follow from the entries before it")}
}

func otherThanMarked(seq int64) *wrong {
	return &wrong{kind: KindCut, seq: seq, text: texts(
		"与校验点文件不同：历史在写入后被重新计算", "it differs from the checkpoint file: the history was computed anew after it had been written")}
}

func cutOff(last, marked int64) *wrong {
	return &wrong{kind: KindCut, seq: last + 1, text: texts(
		"缺失：校验点文件记有第 %d 条，而历史到第 %d 条就结束了", "it is missing: the checkpoint file knows entry %d, but the history ends with entry %d", marked, last)}
}

func wrongHead(column string) *wrong {
	return &wrong{kind: KindHead, text: texts("项目记录的 %s 与历史末尾不符", "the root's column %s does not fit the end of its history", column)}
}

func otherBundle(seq int64, first, now string) *wrong {
	return &wrong{kind: KindBundle, seq: seq, text: texts(
		"此条按流程定义 %[2]s 决定，而项目是按 %[1]s 建立的", "it was decided on the definitions %[2]s, but the programme was created on %[1]s", first, now)}
}

func misreferenced(id string, history, table []string) *wrong {
	return &wrong{kind: KindReference, instance: id, text: texts(
		"它指向的记录被改动：按历史应为 %v，表里是 %v", "what it points to was changed: by the history it is %v, in the table %v", history, table)}
}

func noBundle(hash string) *wrong {
	return &wrong{kind: KindBundle, text: texts("所用的流程定义 %s 不在数据库中", "the definitions %s that it runs on are not in the database", hash)}
}

func brokenBundle(hash string, err error) *wrong {
	return &wrong{kind: KindBundle, text: texts("所用的流程定义 %s 无法载入：%v", "the definitions %s that it runs on do not load: %v", hash, err)}
}

func editedBundle(hash string) *wrong {
	return &wrong{kind: KindBundle, text: texts("所用的流程定义 %s 的文件被改动", "the files of the definitions %s that it runs on were changed", hash)}
}

func noRegistry(programmes int) *wrong {
	return &wrong{kind: KindDeleted, text: texts(
		"社区登记册不见了（还有 %d 个项目）", "the registry of the community is gone (%d programmes are left)", programmes)}
}

func deletedProgramme(registered bool) *wrong {
	if registered {
		return &wrong{kind: KindDeleted, text: texts("已登记的项目不见了：它的历史被删除", "the registry knows this programme, but it is gone with its history")}
	}
	return &wrong{kind: KindDeleted, text: texts("校验点文件记有此项目，但它不见了", "the checkpoint file knows this programme, but it is gone")}
}

func strayRows() *wrong {
	return &wrong{kind: KindStranger, text: texts("有记录属于一个不存在的项目", "there are rows of a programme that does not exist")}
}

func notRegistered() *wrong {
	return &wrong{kind: KindStranger, text: texts("登记册里没有此项目", "the registry does not know this programme")}
}

func addedRow(id string) *wrong {
	return &wrong{kind: KindAdded, instance: id, text: texts("没有任何历史条目建立过它", "no entry of the history created it")}
}

func removedRow(id string) *wrong {
	return &wrong{kind: KindRemoved, instance: id, text: texts("历史里有它，表里却没有", "the history has it, but the table does not")}
}

func unreadableRow(err error) *wrong {
	return &wrong{kind: KindUnreadable, text: texts("有记录无法读取：%v", "a row cannot be read: %v", err)}
}

func changedRow(id string, kind Kind, what string, history, row any) *wrong {
	return &wrong{kind: kind, instance: id, text: texts(
		"%s 被改动：按历史应为 %s，表里是 %s", "%s was changed: by the history it is %s, in the table %s", what, show(history), show(row))}
}

func uncountable(id, aggregate string, err error) *wrong {
	return &wrong{kind: KindAggregate, instance: id, text: texts(
		"对汇总 %s 的贡献无法重算：%v", "what it adds to %s cannot be recounted: %v", aggregate, err)}
}

func miscounted(id, aggregate string, recount, stored int64) *wrong {
	return &wrong{kind: KindAggregate, instance: id, text: texts(
		"汇总 %s 重新计算为 %d，记录为 %d", "%s comes to %d when recounted, but %d is recorded", aggregate, recount, stored)}
}

func misdistinct(id, aggregate, value string, recount, stored int64) *wrong {
	return &wrong{kind: KindDistinct, instance: id, text: texts(
		"汇总 %s 的值 %q 重新计算有 %d 项，表里是 %d", "%s has %[3]d items with the value %[2]q when recounted, but the table says %[4]d", aggregate, value, recount, stored)}
}

func badTimer(t engine.TimerRow, zh, en string) *wrong {
	return &wrong{kind: KindTimer, instance: t.Instance, text: texts(
		"定时 %s 第 %d 代"+zh, "timer %s, generation %d, "+en, t.Rule, t.Generation)}
}

func missingWait(id, state string) *wrong {
	return &wrong{kind: KindWaiting, instance: id, text: texts(
		"其状态 %q 应有人处理，但待办表里没有它", "it waits for somebody in its state %q, but the table of what waits does not have it", state)}
}

func misplacedWait(w engine.WaitRow) *wrong {
	return &wrong{kind: KindWaiting, instance: w.Instance, text: texts(
		"待办表说它在状态 %q 等待处理，但它不在此状态", "the table of what waits has it in the state %q, in which it is not", w.State)}
}

func lostKey(id, field, subject string) *wrong {
	return &wrong{kind: KindSubjectKey, instance: id, text: texts(
		"data.%s 无法再解密：%s 的数据密钥不在密钥表里", "data.%s cannot be opened any more: the data key of %s is not in the table of keys", field, subject)}
}

func destroyedKey(id, field, subject, state string) *wrong {
	return &wrong{kind: KindSubjectKey, instance: id, text: texts(
		"data.%s 无法再解密：%s 的数据密钥已销毁，但其状态是 %q，并未删除个人信息",
		"data.%s cannot be opened any more: the data key of %s was destroyed, but its state is %q, nobody erased it", field, subject, state)}
}

// show writes a value for a message; sealed values and long texts are not shown.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "∅"
	case workflow.Sealed:
		return "▒"
	case string:
		if len([]rune(v)) > 60 {
			v = string([]rune(v)[:60]) + "…"
		}
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
}
