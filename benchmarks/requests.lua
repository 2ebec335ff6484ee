-- For wrk: sends each request of a file once and counts the answers by what they say.
-- wrk -t1 ... -s requests.lua URL -- FILE YES
-- FILE has a line "METHOD PATH BODY" for each request; YES is what a good answer holds. The bearer
-- token comes in the variable BEARER. A file of one line is sent again and again.

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, microseconds; } wall_time;"
  .. " int gettimeofday(wall_time *now, void *zone);")

local prepared, at, again = {}, 0, false
local threads = {}
-- Counted as long as there is something to send. `other` is every answer but 200.
yes, no, other, began, ended = 0, 0, 0, 0, 0

local function now()
  local found = ffi.new("wall_time")
  ffi.C.gettimeofday(found, nil)
  return tonumber(found.seconds) + tonumber(found.microseconds) / 1e6
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local headers = {
    ["Authorization"] = "Bearer " .. os.getenv("BEARER"),
    ["Content-Type"] = "application/json",
  }
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
    prepared[#prepared + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
  wanted = args[2]
  again = #prepared == 1
end

function request()
  if began == 0 then
    began = now()
  end
  if again then
    return prepared[1]
  end
  at = at + 1
  if at > #prepared then
    if ended == 0 then
      ended = now()
    end
    wrk.thread:stop()
  end
  return prepared[math.min(at, #prepared)]
end

function response(status, headers, body)
  if ended ~= 0 then
    return
  end
  if status ~= 200 then
    other = other + 1
  elseif body:find(wanted, 1, true) then
    yes = yes + 1
  else
    no = no + 1
  end
end

function done(summary, latency, requests)
  local failures, thread = summary.errors, threads[1]
  local ended = thread:get("ended")
  -- wrk sleeps on when all is sent.
  local seconds = ended ~= 0 and ended - thread:get("began") or summary.duration / 1e6
  print(string.format(
    '{"seconds": %.6f, "yes": %d, "no": %d, "other": %d, "errors": %d, "p50": %.6f, "p99": %.6f}',
    seconds, thread:get("yes"), thread:get("no"), thread:get("other"),
    failures.connect + failures.read + failures.write + failures.timeout,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6
  ))
end
