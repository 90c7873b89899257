-- Load for `wrk`: sends, or whole life cycles, of standard and FIFO messages. See README.md.
--
-- Settings in the environment: QUEUE_URL, MODE (send or cycle), BATCH (1 to 10), GROUP_COUNT (0: standard), BODY (bytes).

local queue_url = os.getenv("QUEUE_URL")
local mode = os.getenv("MODE") or "send"
local batch = tonumber(os.getenv("BATCH") or "1")
local groups = tonumber(os.getenv("GROUP_COUNT") or "0")
local body = string.rep("x", tonumber(os.getenv("BODY") or "1024"))

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local sent = 0
local handles = {}
local turn = 0

function init(args)
  math.randomseed(os.time() * 100 + number)
end

local function call(action, json)
  local headers = {
    ["Content-Type"] = "application/x-amz-json-1.0",
    ["X-Amz-Target"] = "AmazonSQS." .. action,
    ["Authorization"] = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
  }
  return wrk.format("POST", "/", headers, json)
end

local function message()
  sent = sent + 1
  local fifo = ""
  if groups > 0 then
    fifo = string.format(',"MessageGroupId":"g%d","MessageDeduplicationId":"%d-%d-%d"',
      math.random(groups), number, os.time(), sent)
  end
  return '"MessageBody":"' .. body .. '"' .. fifo
end

local function send()
  if batch == 1 then
    return call("SendMessage", '{"QueueUrl":"' .. queue_url .. '",' .. message() .. "}")
  end
  local entries = {}
  for index = 1, batch do
    entries[index] = '{"Id":"' .. index .. '",' .. message() .. "}"
  end
  return call("SendMessageBatch",
    '{"QueueUrl":"' .. queue_url .. '","Entries":[' .. table.concat(entries, ",") .. "]}")
end

local function receive()
  return call("ReceiveMessage",
    '{"QueueUrl":"' .. queue_url .. '","MaxNumberOfMessages":' .. batch .. "}")
end

local function delete()
  if batch == 1 then
    return call("DeleteMessage",
      '{"QueueUrl":"' .. queue_url .. '","ReceiptHandle":"' .. table.remove(handles) .. '"}')
  end
  local entries = {}
  while #handles > 0 and #entries < 10 do
    entries[#entries + 1] =
      '{"Id":"' .. (#entries + 1) .. '","ReceiptHandle":"' .. table.remove(handles) .. '"}'
  end
  return call("DeleteMessageBatch",
    '{"QueueUrl":"' .. queue_url .. '","Entries":[' .. table.concat(entries, ",") .. "]}")
end

function request()
  if mode == "send" then
    return send()
  end
  if #handles >= batch then
    return delete()
  end
  turn = turn + 1
  if turn % 2 == 1 then
    return send()
  end
  return receive()
end

local failed = 0
function response(status, headers, text)
  if status ~= 200 then
    failed = failed + 1
    if failed == 1 then
      print("first failure: " .. status .. " " .. text)
    end
    return
  end
  if mode == "cycle" then
    for handle in string.gmatch(text, '"ReceiptHandle":"(%w+)"') do
      handles[#handles + 1] = handle
    end
  end
end
