// Command settings prints the settings in a .env file as the function will get them, for deploy.sh:
//
//	go run ./deploy/cloud/settings FILE [KEY=VALUE…]
//
// It reads the file as the program does and checks it as the program does, with the pairs in place of what the file
// says. Each setting is KEY=VALUE and a NUL byte, because a value may have several lines. Certificates are given as
// text: the function has no files of its own. Standard output holds secrets.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// local are the settings that mean something on one machine only.
var local = []string{"DB_SOCKET", "MAIL_FILE_DIR", "REMINDER_TEMPLATES", "LOG_FILE"}

// files are the settings that may name a certificate's file.
var files = []string{"DB_CA_FILE", "MYSQL_ATTR_SSL_CA", "MAIL_CA_FILE"}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: go run ./deploy/cloud/settings FILE [KEY=VALUE…]")
	}
	environ, _, err := setup.Environ(os.Args[1], os.Args[2:])
	for _, key := range local {
		delete(environ, key)
	}
	if err == nil {
		err = setup.Spread(environ) // passwords must not stay in a URL, which is no secret to deploy.sh
	}
	if err == nil {
		_, err = setup.Load(environ)
	}
	if err != nil {
		log.Fatal(text.In(environ["APP_LOCALE"]).Error(err))
	}
	for _, key := range setup.Keys() {
		value := setup.Meaning(environ[key])
		if slices.Contains(files, key) {
			if text, err := os.ReadFile(value); err == nil { // else it is the text: Load has seen to it
				value = string(text)
			}
		}
		if value != "" {
			fmt.Printf("%s=%s\x00", key, value)
		}
	}
}
