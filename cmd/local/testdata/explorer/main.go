// Command explorer starts a program as the Explorer does after a double click: without arguments, from a process of its name.
package main

import (
	"log"
	"os"
	"os/exec"
)

func main() {
	if err := exec.Command(os.Args[1]).Run(); err != nil {
		log.Fatal(err)
	}
}
