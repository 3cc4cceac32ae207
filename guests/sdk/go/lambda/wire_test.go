package lambda

import (
	"testing"
	"unsafe"
)

// The offsets that the component model gives the contract's records. A change of the contract changes these.
func TestTheRecordsAreLaidOutAsTheContractSays(t *testing.T) {
	var c wireCall
	var r wireResult
	for name, offsets := range map[string][2]uintptr{
		"request-id":      {unsafe.Offsetof(c.requestID), 8},
		"memory":          {unsafe.Offsetof(c.memoryLimitMiB), 40},
		"log-group":       {unsafe.Offsetof(c.logGroupName), 44},
		"deadline-ms":     {unsafe.Offsetof(c.deadlineMS), 64},
		"trace-id":        {unsafe.Offsetof(c.traceID), 72},
		"client-context":  {unsafe.Offsetof(c.clientContext), 84},
		"identity":        {unsafe.Offsetof(c.identity), 96},
		"pool":            {unsafe.Offsetof(c.identity.poolID), 12},
		"tenant-id":       {unsafe.Offsetof(c.tenantID), 116},
		"end of the call": {unsafe.Sizeof(c), 128},
		"error-type":      {unsafe.Offsetof(r.Response), 4},
		"stack-trace":     {unsafe.Offsetof(r.Trace), 20},
		"end of a result": {unsafe.Sizeof(r), 28},
	} {
		if offsets[0] != offsets[1] {
			t.Errorf("%s is at %d, and not at %d", name, offsets[0], offsets[1])
		}
	}
}
