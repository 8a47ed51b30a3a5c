// Types to the agent and prints what happens: go run main.go ws://127.0.0.1:3000/ws
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/gorilla/websocket"
)

func main() {
	socket, _, err := websocket.DefaultDialer.Dial(os.Args[1], nil)
	for err == nil {
		var kind int
		var data []byte
		kind, data, err = socket.ReadMessage()
		if kind == websocket.BinaryMessage {
			fmt.Println(len(data)/2, "samples of the agent") // 16-bit little-endian, 24 kHz, mono
		} else if fmt.Println(string(data)); strings.HasPrefix(string(data), `{"type":"ready"`) {
			err = socket.WriteJSON(map[string]string{"type": "text", "data": "hello"})
		}
	}
	log.Fatal(err) // a *websocket.CloseError says why: docs/client-protocol.md
}
