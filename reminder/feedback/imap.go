package feedback

import (
	"context"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/inbox"
	"github.com/mtsn6garut/pengingat/reminder"
)

// IMAP is a Source that reads an account: its inbox for bounces and answers, and its mailboxes for sent mail for copies
// of accepted emails.
type IMAP struct {
	*inbox.Mailbox
	Account string // a position is valid only in the account that it comes from
}

// OpenIMAP returns a function that opens the mailbox.
func OpenIMAP(cfg inbox.Config) func(context.Context) (Source, error) {
	return func(ctx context.Context) (Source, error) {
		m, err := inbox.Open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return IMAP{m, cfg.Username + "@" + cfg.Host}, nil
	}
}

// Returned implements [Source].
func (m IMAP) Returned(ctx context.Context, place string, now time.Time, take func(Batch) error) error {
	account := fmt.Sprintf("%08x ", crc32.ChecksumIEEE([]byte(m.Account)))
	after, same := strings.CutPrefix(place, account)
	if !same {
		after = ""
	}
	return m.Since(ctx, inbox.ParseCursor(after), now.Add(-MaxAge), Wanted, func(b inbox.Batch) error {
		batch := Batch{Read: b.Looked, Place: account + b.Next.String()}
		for _, msg := range b.Messages {
			if r, ok := Parse(msg.Raw, msg.Received); ok {
				batch.Returns = append(batch.Returns, r)
			}
		}
		return take(batch)
	})
}

// Copies implements [Source].
func (m IMAP) Copies(ctx context.Context, since time.Time, most int) (copies []Copied, err error) {
	messages, err := m.Mailbox.Copies(ctx, since, []string{"Message-ID", "To", mail.RefHeader, mail.RecordHeader}, most)
	for _, msg := range messages {
		h, _ := splitHeader(msg.Raw)
		words, to := strings.Fields(h.get(mail.RecordHeader)), addresses(h.get("To"))
		if ref := h.get(mail.RefHeader); ref != "" && len(words) > 0 && len(to) > 0 {
			copies = append(copies, Copied{words[0], reminder.Copy{Ref: ref, MessageID: strings.Trim(h.get("Message-ID"), "<> "),
				At: msg.Received, To: reminder.DigestOf(to[len(to)-1]), Notices: words[1:]}})
		}
	}
	return copies, err
}

// Accepted implements [Source].
func (m IMAP) Accepted(ctx context.Context, emails []Handed) ([]bool, error) {
	sought := make([]inbox.Sought, len(emails))
	for i, e := range emails {
		sought[i] = inbox.Sought{MessageID: e.MessageID, Field: mail.RefHeader, Value: e.Ref}
	}
	return m.Sent(ctx, sought)
}
