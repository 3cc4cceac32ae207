package lambda

import (
	"structs"
	"time"

	"guesthouse.dev/go/internal/guest"
)

// The contract's records, as package guest says.

type (
	wireText   = guest.Text
	wireResult = guest.Result
)

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
