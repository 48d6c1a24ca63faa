/* Many calls of a plugin at once, a line of JSON for each thing. On standard input:
 *   {"id":1,"call":"WaitTask","request":{...},"timeout":SECONDS}   begins a call; request {} and timeout none by themselves
 *   {"id":1,"send":{...}}                                          one more message, of a call whose requests are a stream
 *   {"id":1,"end":true}                                            and there are no more
 *   {"id":1,"cancel":true}                                         the call is given up: nothing more is said of it
 * and on standard output:
 *   {"address":"/tmp/plugin1","pid":2,"ms":3.5}                    first; pid and ms of a plugin that was started only
 *   {"id":1,"reply":{...}}
 *   {"id":1,"status":9,"message":"...","recoverable":true}         its end; recoverable where the error says so
 *   {"id":1,"error":"..."}                                         the line was not understood, or not what the plugin answered;
 *                                                                  without an id where it is no JSON of ours (a NUL in a text)
 * The end of the input ends it. */
#pragma once
#include "plugin-host.h"

int session_run(struct host *, struct err *err);
