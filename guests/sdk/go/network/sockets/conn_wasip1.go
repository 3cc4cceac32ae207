package sockets

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"guesthouse.dev/go/internal/wasi"
)

// conn is a connection of the host's.
type conn struct {
	socket        *wasi.Socket
	local, remote *net.TCPAddr
	// Whoever has both mutexes may close the socket.
	reading, writing            sync.Mutex
	readDeadline, writeDeadline deadline
	closed                      chan struct{}
	once                        sync.Once
	hasEnded                    bool
}

func newConn(socket *wasi.Socket, remote *net.TCPAddr) *conn {
	local := net.TCPAddrFromAddrPort(socket.Local)
	return &conn{socket: socket, local: local, remote: remote, closed: make(chan struct{}),
		readDeadline: newDeadline(), writeDeadline: newDeadline()}
}

func (c *conn) Read(into []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	late := c.readDeadline.passed()
	for {
		if err := c.ended(late); err != nil {
			return 0, err
		}
		if len(into) == 0 || c.hasEnded {
			return 0, c.end(into)
		}
		n, err := c.socket.Input.Read(into, nil)
		switch {
		case err == io.EOF:
			c.hasEnded = true
			return 0, io.EOF
		case err != nil:
			return 0, os.NewSyscallError("read", syscall.ECONNRESET)
		case n > 0:
			return n, nil
		}
		c.socket.Input.Wait(late, c.closed)
	}
}

func (c *conn) end(into []byte) error {
	if len(into) == 0 {
		return nil
	}
	return io.EOF
}

// Write returns when the host has passed on all of it, so that nothing is lost by a Close.
func (c *conn) Write(data []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	late := c.writeDeadline.passed()
	written := 0
	for {
		if err := c.ended(late); err != nil {
			return written, err
		}
		var err error
		if written == len(data) {
			var hasRoom bool
			if hasRoom, err = c.socket.Output.HasRoom(); hasRoom {
				return written, nil
			}
		} else {
			var n int
			n, err = c.socket.Output.Write(data[written:], nil)
			written += n
			if n > 0 {
				continue
			}
		}
		if err != nil {
			return written, os.NewSyscallError("write", syscall.EPIPE)
		}
		c.socket.Output.Wait(late, c.closed)
	}
}

// ended returns why nothing can be read or written.
func (c *conn) ended(late <-chan struct{}) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	case <-late:
		return os.ErrDeadlineExceeded
	default:
		return nil
	}
}

func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = nil
		close(c.closed)
		c.reading.Lock()
		defer c.reading.Unlock()
		c.writing.Lock()
		defer c.writing.Unlock()
		c.socket.Drop()
		c.readDeadline.set(time.Time{})
		c.writeDeadline.set(time.Time{})
	})
	return err
}

func (c *conn) CloseRead() error {
	return c.shutdown(c.socket.ShutdownRead)
}

func (c *conn) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.shutdown(c.socket.ShutdownWrite)
}

func (c *conn) shutdown(direction func()) error {
	if err := c.ended(nil); err != nil {
		return err
	}
	direction()
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.readDeadline.set(t)
	return c.ended(nil)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline.set(t)
	return c.ended(nil)
}
