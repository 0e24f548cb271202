-- A paced client that reads every page: wrk itself only counts statuses, and an empty 200 is no answer.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  marker, pause, wrong = args[1], tonumber(args[2]), 0
  wrk.headers["Connection"] = args[3]
  requests, turn = {}, 0
  for i = 4, #args do
    wrk.headers["Host"] = args[i]
    table.insert(requests, wrk.format())
  end
end

-- On one connection, too, each host has its turn.
function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function delay()
  return pause
end

function response(status, headers, body)
  if status ~= 200 or body:find(marker, 1, true) ~= 1 then
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  local wrong = 0
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
  end
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"wrong":%d,"p50":%d,"p99":%d,"max":%d}\n',
    summary.requests, e.connect, e.read, e.write, e.timeout, wrong,
    latency:percentile(50), latency:percentile(99), latency.max
  ))
end
