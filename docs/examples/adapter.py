"""An adapter in thirty lines: every line of standard input is a message of one conversation.

    pip install nats-py
    NATS_URL=nats://127.0.0.1:4222 TIDINGS_KEY=tdk_... python adapter.py TENANT CHANNEL [KIND] < lines.txt

TENANT and CHANNEL are the ids the hub shows; the key has the role `adapter` and belongs to CHANNEL.
"""
import asyncio, hashlib, json, os, sys, uuid
from datetime import datetime, timezone

import nats


async def main(tenant: str, channel: str, kind: str = "generic") -> None:
    tenant, channel = uuid.UUID(tenant).hex, uuid.UUID(channel).hex
    client = await nats.connect(
        os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), user=channel,
        password=os.environ["TIDINGS_KEY"], inbox_prefix=f"_INBOX.{channel}",
        allow_reconnect=False)  # refused or cut off, it ends and says so; started again, it may send all again
    stream, conversation = client.jetstream(), "standard-input"
    # Equal for all messages of one conversation, and made of letters and digits: that keeps their order.
    token = hashlib.sha256(conversation.encode()).hexdigest()[:16]
    for number, line in enumerate(sys.stdin):
        message = {"id": f"{os.getpid()}-{number}", "conversation": conversation, "text": line.rstrip("\n"),
                   "sender": {"id": os.environ.get("USER", "someone")},
                   "sent_at": datetime.now(timezone.utc).isoformat()}
        # Returns when the broker has stored it; raises when it has not: then send the same id again.
        ack = await stream.publish(f"ingest.{tenant}.{kind}.{channel}.{token}", json.dumps(message).encode(),
                                   headers={"Nats-Msg-Id": f"{channel}-{message['id']}"})
        print(f"stored as {ack.stream} {ack.seq}")
    await client.close()


asyncio.run(main(*sys.argv[1:]))
