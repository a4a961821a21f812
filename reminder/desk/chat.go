package desk

import (
	"net/url"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
)

// maxChatBooks is how many books a chat names: browsers and WhatsApp cut long links.
const maxChatBooks = 10

// Chat returns the link that opens a chat with a person, with a message that is written but not sent; "" without a
// phone number or books. say and day write a sentence and a date in the reader's language.
func Chat(say func(key string, pairs ...any) string, day func(reminder.Date) string, library string, p Person) string {
	if p.Phone == "" || len(p.Books) == 0 {
		return ""
	}
	var books []string
	for _, b := range p.Books[:min(len(p.Books), maxChatBooks)] {
		books = append(books, say("chat.book", "Title", Plain(b.Title), "Date", day(b.Due)))
	}
	if more := len(p.Books) - len(books); more > 0 {
		books = append(books, say("chat.more_books", "N", more))
	}
	text := say("chat.message", "Name", p.Name, "Library", library, "Titles", strings.Join(books, "\n"))
	return "https://wa.me/" + p.Phone + "?text=" + strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
