-- Tells wrk to send a body of the size given as argument, or that of the file that is not empty, and to say what it counted in one line.

function init(arguments)
  local size = tonumber(arguments[1]) or 0
  local file = assert(io.open(arguments[2], "rb"))
  local body = file:read("*a")
  file:close()
  if size > 0 or #body > 0 then
    wrk.method = "POST"
    wrk.body = #body > 0 and body or string.rep("u", size)
  end
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.write + errors.status + errors.timeout
  io.write(string.format("counted %d %d %d\n", summary.requests, failed, errors.read))
end
