"""Every message that we spell by hand against the official `livekit-protocol` package, bytes in both directions.

Each message is filled by reflection with distinctive values, sent through our decoder and encoder (ProtobufProbe),
and must come back equal. Fields that we leave out on purpose are named in LEFT_OUT and must come back unset.
"""
import re
import struct
import subprocess
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as Field
from livekit.protocol import agent, agent_dispatch, models, room, rtc

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / ".build" / "debug" / "ProtobufProbe"
CATALOGUE = ROOT / "Tests" / "ProtobufProbe" / "MessageCatalogue.swift"
NAMES = re.findall(r'"([\w.]+)":', CATALOGUE.read_text())

# Video, data tracks, data blobs, egress, metrics, and what only newer wheels have.
LEFT_OUT = {
    "SignalRequest": {
        "update_layers", "update_video_track", "publish_data_track_request", "unpublish_data_track_request",
        "update_data_subscription", "store_data_blob_request", "get_data_blob_request",
    },
    "SignalResponse": {
        "stream_state_update", "subscribed_quality_update", "publish_data_track_response",
        "unpublish_data_track_response", "data_track_subscriber_handles", "store_data_blob_response",
        "get_data_blob_response",
    },
    "ClientConfiguration": {"video", "screen"},
    "ParticipantInfo": {"data_tracks"},
    "TrackInfo": {"layers", "packet_trailer_features"},
    "AddTrackRequest": {"layers", "packet_trailer_features"},
    "SimulcastCodec": {"layers", "video_layer_mode"},
    "SimulcastCodecInfo": {"layers", "video_layer_mode"},
    "SyncState": {"publish_data_tracks", "data_subscription"},
    "RequestResponse": {"update_video_track", "publish_data_track", "unpublish_data_track"},
    "DataPacket": {"metrics"},
    "ServerMessage": {"go_away"},
    "RegisterWorkerRequest": {"endpoints", "instance_id", "endpoint_protocol"},
    "RegisterWorkerResponse": {"endpoint_settings"},
    "UpdateWorkerStatus": {"draining", "seq"},
    "MigrateJobRequest": {"jobs"},
    "JobState": {"reason"},
    "CreateRoomRequest": {"egress"},
    "RoomConfiguration": {"egress"},
}


def message_class(name):
    for module in (rtc, models, room, agent, agent_dispatch):
        found = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    raise LookupError(name)


class Filler:
    """Fills fields with values that differ from each other and from the defaults."""

    def __init__(self, known_only):
        self.count = 0
        self.known_only = known_only

    def number(self):
        self.count += 1
        return self.count

    def scalar(self, field):
        n = self.number()
        if field.type == Field.TYPE_STRING:
            return f"{field.name} é{n}"
        if field.type == Field.TYPE_BYTES:
            return bytes([0, 255, n % 256]) + field.name.encode()
        if field.type == Field.TYPE_BOOL:
            return True
        if field.type in (Field.TYPE_FLOAT, Field.TYPE_DOUBLE):
            return n + 0.5
        if field.type == Field.TYPE_ENUM:
            values = [v.number for v in field.enum_type.values]
            return values[n % len(values)] or values[-1]
        signed = {Field.TYPE_INT32: -n - 2**30, Field.TYPE_INT64: -n - 2**60}
        return signed.get(field.type, n + (2**63 if field.type == Field.TYPE_UINT64 else 2**31))

    def fill(self, message, one_of_choice=0):
        name = message.DESCRIPTOR.full_name.removeprefix("livekit.")
        left_out = LEFT_OUT.get(name, set()) if self.known_only else set()
        for field in message.DESCRIPTOR.fields:
            if field.name in left_out:
                continue
            one_of = field.containing_oneof
            if one_of is not None and len(one_of.fields) > 1:
                known = [f for f in one_of.fields if f.name not in left_out]
                if field is not known[one_of_choice % len(known)]:
                    continue
            self.fill_field(message, field)
        return message

    def fill_field(self, message, field):
        target = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value_field = field.message_type.fields_by_name["value"]
            key_field = field.message_type.fields_by_name["key"]
            for _ in range(2):
                key = self.scalar(key_field)
                if value_field.message_type is not None:
                    self.fill(target[key])
                else:
                    target[key] = self.scalar(value_field)
            return
        if field.is_repeated:
            for _ in range(3):
                if field.message_type is not None:
                    self.fill(target.add())
                else:
                    target.append(self.scalar(field))
        elif field.message_type is not None:
            target.SetInParent()
            if field.message_type.full_name.startswith("livekit."):
                self.fill(target)
        else:
            setattr(message, field.name, self.scalar(field))


@pytest.fixture(scope="module")
def probe():
    process = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(command, name, argument):
        process.stdin.write(f"{command} {name} {argument}\n")
        process.stdin.flush()
        answer = process.stdout.readline().rstrip("\n")
        assert not answer.startswith("error"), answer
        return answer

    yield ask
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def choices(name):
    """How many ways there are to fill the oneofs of a message."""
    left_out = LEFT_OUT.get(name, set())
    one_ofs = message_class(name).DESCRIPTOR.oneofs
    return max([1] + [len([f for f in o.fields if f.name not in left_out]) for o in one_ofs])


CASES = [(name, choice) for name in NAMES for choice in range(choices(name))]


@pytest.mark.parametrize("name,choice", CASES)
def test_what_python_writes_comes_back_equal(probe, name, choice):
    message = Filler(known_only=True).fill(message_class(name)(), choice)
    returned = message_class(name).FromString(bytes.fromhex(probe("decode", name, message.SerializeToString().hex())))
    assert returned == message


@pytest.mark.parametrize("name", NAMES)
def test_fields_at_their_defaults_come_back_equal(probe, name):
    message = message_class(name)()
    for field in message.DESCRIPTOR.fields:
        # Presence without content: empty embedded messages and optional scalars at zero.
        if field.name in LEFT_OUT.get(name, set()) or field.is_repeated:
            continue
        if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
            continue
        if field.message_type is not None:
            getattr(message, field.name).SetInParent()
        elif field.has_presence:
            setattr(message, field.name, field.default_value)
    returned = message_class(name).FromString(bytes.fromhex(probe("decode", name, message.SerializeToString().hex())))
    assert returned == message


@pytest.mark.parametrize("name", NAMES)
def test_fields_that_we_do_not_know_are_skipped(probe, name):
    """Fills really everything, adds a field from the future, and expects what we know to be intact."""
    everything = Filler(known_only=False).fill(message_class(name)())
    future = b"\xf2\xc3\x01\x03abc" + b"\xfd\xc3\x01" + struct.pack("<f", 1.5)
    answer = probe("decode", name, (everything.SerializeToString() + future).hex())
    returned = message_class(name).FromString(bytes.fromhex(answer))
    for field, _ in returned.ListFields():
        assert field.name not in LEFT_OUT.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_answered(probe, name):
    """A probe that trapped would not answer the next line."""
    data = Filler(known_only=True).fill(message_class(name)()).SerializeToString()[:400]
    for length in range(len(data)):
        try:
            probe("decode", name, data[:length].hex())
        except AssertionError as failure:
            assert "error" in str(failure)


TWIRP = [
    n
    for n in NAMES
    if n in room.DESCRIPTOR.message_types_by_name or n in agent_dispatch.DESCRIPTOR.message_types_by_name
] + ["Room", "ParticipantInfo"]


@pytest.mark.parametrize("name", TWIRP)
def test_json_is_read_and_written_as_protobuf_maps_it(probe, name):
    message = Filler(known_only=True).fill(message_class(name)())
    wire = message.SerializeToString().hex()
    for command in ("json", "compact"):
        assert json_format.Parse(probe(command, name, wire), message_class(name)()) == message
    for snake_case in (True, False):
        text = json_format.MessageToJson(message, preserving_proto_field_name=snake_case, indent=None)
        assert message_class(name).FromString(bytes.fromhex(probe("parse", name, text))) == message
    empty = probe("json", name, "")
    assert json_format.Parse(empty, message_class(name)()) == message_class(name)()
