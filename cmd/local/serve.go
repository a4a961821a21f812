package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/mtsn6garut/pengingat"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (c *call) serve(context.Context) error {
	port := c.number("port")
	if port < 1 || port > 65535 {
		return c.usage("serve.bad_port", "N", port)
	}
	if _, err := c.config(setup.Load); err != nil {
		return err
	}
	// The function reads the process's environment, as it does in the cloud.
	for key, value := range c.environ {
		if err := os.Setenv(key, value); err != nil {
			return fmt.Errorf("set %s: %w", key, err)
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return reminder.NewFault(err, "serve.port_unusable", "N", port)
	}
	c.print("serve.serving", "N", port)
	return localServer(pengingat.Handler, port).Serve(listener)
}

// localServer serves only programs on this computer. A web page that is open in a browser can also send requests to
// 127.0.0.1. The browser's headers reveal it or, if the page's own name resolves to 127.0.0.1 (DNS rebinding), the
// Host.
func localServer(handler http.Handler, port int) *http.Server {
	hosts := []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), net.JoinHostPort("localhost", strconv.Itoa(port))}
	sameSite := http.NewCrossOriginProtection().Handler(handler)
	return &http.Server{
		ReadHeaderTimeout: 10 * time.Second, // ends the connection of a client that sends nothing
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slices.Contains(hosts, r.Host) {
				http.Error(w, "this host is not served here", http.StatusMisdirectedRequest)
				return
			}
			sameSite.ServeHTTP(w, r)
		}),
	}
}
