-- For wrk: sends each request of a file once and counts the answers that say yes.
-- wrk -t1 ... -s requests.lua URL -- FILE YES
-- FILE has a line "METHOD PATH BODY" for each request; YES is what a good answer holds. The bearer
-- token comes in the variable BEARER. A file of one line is sent again and again.

local prepared, at, again = {}, 0, false
local threads = {}
yes, no = 0, 0

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
  if again then
    return prepared[1]
  end
  at = at + 1
  if at >= #prepared then
    wrk.thread:stop()
  end
  return prepared[math.min(at, #prepared)]
end

function response(status, headers, body)
  if status == 200 and body:find(wanted, 1, true) then
    yes = yes + 1
  else
    no = no + 1
  end
end

function done(summary, latency, requests)
  local failures = summary.errors
  print(string.format(
    '{"seconds": %.6f, "yes": %d, "no": %d, "errors": %d, "p50": %.6f, "p99": %.6f}',
    summary.duration / 1e6, threads[1]:get("yes"), threads[1]:get("no"),
    failures.connect + failures.read + failures.write + failures.timeout,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6
  ))
end
