package lambda

import (
	"structs"
	"time"
	"unsafe"
)

// The contract's records as the component model lays them out in a guest's memory: every field at the next multiple of
// its own size, a text or a list as address and length, an option as a byte that says whether it is there, and then the
// value. Go's own layout of these structs is the same one. Addresses are numbers, so the collector does not follow
// them: whoever makes or takes such a record keeps the memory alive (keep_wasip1.go).

// wireText is a string, or a list<u8>.
type wireText struct {
	_       structs.HostLayout
	address uint32
	length  uint32
}

// wireList is a list<string>.
type wireList = wireText

// wireOptionalText is an option<string>.
type wireOptionalText struct {
	_     structs.HostLayout
	there uint8
	text  wireText
}

// wireIdentity is an option<cognito-identity>.
type wireIdentity struct {
	_      structs.HostLayout
	there  uint8
	id     wireText
	poolID wireText
}

// wireCall has the arguments of handler.handle. They would be 30 numbers: with more than 16 they come in memory.
type wireCall struct {
	_                  structs.HostLayout
	event              wireText
	requestID          wireText
	functionName       wireText
	functionVersion    wireText
	invokedFunctionARN wireText
	memoryLimitMiB     uint32
	logGroupName       wireText
	logStreamName      wireText
	deadlineMS         uint64
	traceID            wireOptionalText
	clientContext      wireOptionalText
	identity           wireIdentity
	tenantID           wireOptionalText
}

// wireResult is a result<string, handler-error>, and a result<_, handler-error>. The response is where the error's type
// is.
type wireResult struct {
	_        structs.HostLayout
	isError  uint8
	response wireText
	message  wireText
	trace    wireList
}

// invocation copies the call's context, which the handler may keep for longer than the call.
func (c *wireCall) invocation() *invocation {
	in := &invocation{
		requestID:          c.requestID.String(),
		functionName:       c.functionName.String(),
		functionVersion:    c.functionVersion.String(),
		invokedFunctionARN: c.invokedFunctionARN.String(),
		memoryLimitMiB:     int(c.memoryLimitMiB),
		logGroupName:       c.logGroupName.String(),
		logStreamName:      c.logStreamName.String(),
		deadline:           time.UnixMilli(int64(c.deadlineMS)),
		traceID:            c.traceID.String(),
		clientContext:      c.clientContext.String(),
		tenantID:           c.tenantID.String(),
	}
	if c.identity.there != 0 {
		in.identityID, in.identityPoolID = c.identity.id.String(), c.identity.poolID.String()
	}
	return in
}

func (o *wireOptionalText) String() string {
	if o.there == 0 {
		return ""
	}
	return o.text.String()
}

func (t wireText) String() string {
	return string(t.bytes())
}

// bytes is the memory that the host wrote. The next call's arguments overwrite it.
func (t wireText) bytes() []byte {
	if t.length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(t.address)), t.length)
}

// pointer is the address as one that the collector follows.
func pointer(address uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(nil), address)
}
