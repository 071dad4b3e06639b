-- Look-ups of random known people, for `cargo xtask bench lookups`. From the environment:
--   BENCH_HOST    value of the Host header
--   BENCH_PATH    path of the connector, up to /scim
--   BENCH_TOKEN   the connector's token
--   BENCH_LOGINS  file with one URL-encoded login a line
-- The last line printed is JSON.
local env = os.getenv
local head = "GET " .. env("BENCH_PATH") .. "/Users?filter=userName%20eq%20%22"
local tail = "%22 HTTP/1.1\r\nHost: " .. env("BENCH_HOST") ..
  "\r\nAccept: application/scim+json\r\nAuthorization: Bearer " .. env("BENCH_TOKEN") .. "\r\n\r\n"
local logins = {}
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init()
  math.randomseed(4242 + number)
  for line in io.lines(env("BENCH_LOGINS")) do logins[#logins + 1] = line end
end

function request()
  return head .. logins[math.random(#logins)] .. tail
end

function done(summary, latency)
  local ms = function(percentile) return latency:percentile(percentile) / 1000 end
  local failed = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"p50_ms":%.3f,"p99_ms":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, ms(50), ms(99),
    failed.status + failed.connect + failed.read + failed.write + failed.timeout))
end
