"""Writes avro.json and protobuf.json: records encoded by fastavro and Google's protobuf, and the events that they stand for.

    pip install fastavro==1.13.1 protobuf==7.36.2 && python make_goldens.py

`event` is the JSON text of the event: what POST /v1/events would take for the same record.
"""

import base64, decimal, io, json, os, random, uuid
from datetime import date, datetime, timedelta, timezone

import fastavro
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, wrappers_pb2

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(20)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

COLUMNS = {
    'id': 'text', 'at': 'time', 'int': 'int', 'long': 'int64', 'float': 'float', 'double': 'float', 'flag': 'bool',
    'label': 'text', 'price': 'decimal(4)', 'amount': 'decimal(2)', 'day': 'time', 'micros': 'time',
    'raw_micros': 'int64', 'kind': 'text', 'maybe_long': 'int64?', 'maybe_text': 'text?',
    'maybe_price': 'decimal(4)?', 'tags': 'list<text>', 'times': 'list<time>', 'kinds': 'list<text>', 'token': 'text',
}


class Number(float):
    """A number whose JSON text is given."""

    def __new__(cls, text):
        made = float.__new__(cls, 0)
        made.text = text
        return made


def text_of(value):
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return '{' + ','.join(f'{json.dumps(key)}:{text_of(one)}' for key, one in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(text_of, value)) + ']'
    return json.dumps(value)


def words():
    alphabet = 'abc xyz äöü € \U0001f600 "\\\n\u0000\ufeff'
    return ''.join(rng.choice(alphabet) for _ in range(rng.randrange(0, 12)))


def long_of(bits=64):
    magnitude = rng.randrange(0, bits)
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, rng.choice([-1, 1]) * rng.randrange(0, 2**magnitude)))


def decimal_of(digits, scale):
    unscaled = rng.choice([-1, 1]) * rng.randrange(0, 10 ** rng.randrange(1, digits + 1))
    return decimal.Decimal(unscaled).scaleb(-scale)


def plain(value):
    return Number(format(value, 'f'))


def double_of():
    return rng.choice([0.0, 1.5, -2.25, 1e300, -1e-300, rng.uniform(-1e6, 1e6)])


def moment():
    return EPOCH + timedelta(microseconds=rng.randrange(-(10**15), 4 * 10**15))


def micros_of(time):
    return (time - EPOCH) // timedelta(microseconds=1)


AVRO = {
    'type': 'record', 'name': 'Click', 'namespace': 'shop.events',
    'fields': [
        {'name': 'id', 'type': {'type': 'string', 'logicalType': 'uuid'}},
        {'name': 'at', 'type': {'type': 'long', 'logicalType': 'timestamp-millis'}},
        {'name': 'unknown_first', 'type': {'type': 'map', 'values': ['null', 'string', {'type': 'array', 'items': 'bytes'}]}},
        {'name': 'int', 'type': 'int'},
        {'name': 'long', 'type': 'long'},
        {'name': 'float', 'type': 'float'},
        {'name': 'double', 'type': 'double'},
        {'name': 'flag', 'type': 'boolean'},
        {'name': 'label', 'type': 'string'},
        {'name': 'price', 'type': {'type': 'bytes', 'logicalType': 'decimal', 'precision': 18, 'scale': 4}},
        {'name': 'amount', 'type': {'type': 'fixed', 'name': 'Amount', 'size': 9, 'logicalType': 'decimal', 'precision': 18, 'scale': 2}},
        {'name': 'day', 'type': {'type': 'int', 'logicalType': 'date'}},
        {'name': 'micros', 'type': {'type': 'long', 'logicalType': 'timestamp-micros'}},
        {'name': 'raw_micros', 'type': {'type': 'long', 'logicalType': 'timestamp-micros'}},
        {'name': 'kind', 'type': {'type': 'enum', 'name': 'Kind', 'symbols': ['VIEW', 'BUY', 'RETURN']}},
        {'name': 'maybe_long', 'type': ['null', 'long'], 'default': None},
        {'name': 'maybe_text', 'type': ['string', 'null'], 'default': ''},
        {'name': 'maybe_price', 'type': ['null', 'double', {'type': 'bytes', 'logicalType': 'decimal', 'precision': 18, 'scale': 4}]},
        {'name': 'tags', 'type': {'type': 'array', 'items': 'string'}},
        {'name': 'times', 'type': {'type': 'array', 'items': {'type': 'long', 'logicalType': 'timestamp-micros'}}},
        {'name': 'kinds', 'type': {'type': 'array', 'items': ['null', 'Kind']}},
        {'name': 'token', 'type': ['null', 'string']},
        {'name': 'nested', 'type': ['null', {'type': 'record', 'name': 'Node', 'fields': [
            {'name': 'kind', 'type': 'Kind'}, {'name': 'amount', 'type': 'shop.events.Amount'}, {'name': 'next', 'type': ['null', 'Node']}]}]},
    ],
}


def avro_case(schema):
    at, micros, raw = moment(), moment(), moment()
    at = EPOCH + timedelta(milliseconds=micros_of(at) // 1000)
    day = date(1970, 1, 1) + timedelta(days=rng.randrange(-10000, 40000))
    price, amount, maybe_price = decimal_of(18, 4), decimal_of(18, 2), rng.choice([None, decimal_of(18, 4)])
    float32 = float(rng.randrange(-1000, 1000)) / 8
    times = [moment() for _ in range(rng.randrange(0, 3))]
    node = None
    for _ in range(rng.randrange(0, 4)):
        node = {'kind': 'BUY', 'amount': decimal.Decimal('1.25'), 'next': node}
    record = {
        'id': str(uuid.UUID(int=rng.getrandbits(128))), 'at': at, 'int': long_of(32), 'long': long_of(), 'float': float32,
        'double': double_of(), 'flag': rng.random() < 0.5, 'label': words(), 'price': price, 'amount': amount, 'day': day,
        'micros': micros, 'raw_micros': raw, 'kind': rng.choice(['VIEW', 'BUY', 'RETURN']),
        'maybe_long': rng.choice([None, long_of()]), 'maybe_text': rng.choice([None, words()]), 'maybe_price': maybe_price,
        'tags': [words() for _ in range(rng.randrange(0, 4))], 'times': times, 'token': words(),
        'kinds': [rng.choice(['VIEW', 'BUY', 'RETURN']) for _ in range(rng.randrange(0, 3))],
        'unknown_first': {words(): rng.choice([None, words(), [b'\x00\xff', b'']]) for _ in range(rng.randrange(0, 3))},
        'nested': node,
    }
    event = {name: record[name] for name in COLUMNS}
    event |= {
        'at': micros_of(at) // 1000, 'micros': micros_of(micros) // 1000, 'raw_micros': micros_of(raw),
        'day': (day - date(1970, 1, 1)).days * 86_400_000, 'price': plain(price), 'amount': plain(amount),
        'maybe_price': None if maybe_price is None else plain(maybe_price), 'times': [micros_of(one) // 1000 for one in times],
    }
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return {'payload': out.getvalue().hex(), 'event': text_of(event)}


def field(name, number, kind, label=1, **more):
    return descriptor_pb2.FieldDescriptorProto(name=name, number=number, type=kind, label=label, **more)


F = descriptor_pb2.FieldDescriptorProto


def click_message(proto3):
    optional = {'proto3_optional': True} if proto3 else {}
    message = descriptor_pb2.DescriptorProto(name='Click')
    add = lambda *args, **more: message.field.append(field(*args, **more))
    stamp = {'type_name': '.google.protobuf.Timestamp'}
    add('id', 1, F.TYPE_STRING)
    add('at', 2, F.TYPE_MESSAGE, **stamp)
    add('int', 3, F.TYPE_SINT32)
    add('long', 4, F.TYPE_INT64)
    add('float', 5, F.TYPE_FLOAT)
    add('double', 6, F.TYPE_DOUBLE)
    add('flag', 7, F.TYPE_BOOL)
    add('label', 8, F.TYPE_STRING)
    add('price', 9, F.TYPE_MESSAGE, type_name='.google.type.Decimal')
    add('amount', 10, F.TYPE_MESSAGE, type_name='.confluent.type.Decimal')
    add('day', 11, F.TYPE_FIXED64)
    add('micros', 12, F.TYPE_MESSAGE, **stamp)
    add('raw_micros', 13, F.TYPE_SFIXED64)
    add('kind', 14, F.TYPE_ENUM, type_name='.shop.events.Kind')
    add('maybe_long', 15, F.TYPE_MESSAGE, type_name='.google.protobuf.Int64Value')
    add('maybe_text', 16, F.TYPE_STRING, oneof_index=0, **optional)
    add('maybe_price', 17, F.TYPE_MESSAGE, type_name='.google.type.Decimal')
    add('tags', 18, F.TYPE_STRING, 3)
    add('times', 19, F.TYPE_MESSAGE, 3, **stamp)
    add('token', 20, F.TYPE_STRING)
    add('kinds', 23, F.TYPE_ENUM, 3, type_name='.shop.events.Kind')
    add('unknown', 21, F.TYPE_MESSAGE, 3, type_name='.shop.events.Outer.Click.UnknownEntry')
    add('other', 22, F.TYPE_MESSAGE, type_name='.shop.events.Outer.Click')
    entry = message.nested_type.add(name='UnknownEntry')
    entry.options.map_entry = True
    entry.field.extend([field('key', 1, F.TYPE_STRING), field('value', 2, F.TYPE_BYTES)])
    # After the entry, which the indexes of messages do not count.
    message.nested_type.add(name='Inner').field.append(field('label', 1, F.TYPE_STRING))
    message.oneof_decl.add(name='_maybe_text')
    return message


def proto_files(syntax):
    """Outer.Click is message [1, 0] of the file; Kind is in a file that it imports."""
    kinds = descriptor_pb2.FileDescriptorProto(name='shop/kinds.proto', package='shop.events', syntax=syntax)
    kinds.enum_type.add(name='Kind').value.extend(
        descriptor_pb2.EnumValueDescriptorProto(name=name, number=number) for name, number in [('VIEW', 0), ('BUY', 1), ('RETURN', 7)])
    main = descriptor_pb2.FileDescriptorProto(name='shop/click.proto', package='shop.events', syntax=syntax)
    main.dependency.extend(['google/protobuf/timestamp.proto', 'google/protobuf/wrappers.proto', 'google/type/decimal.proto',
                            'confluent/type/decimal.proto', 'shop/kinds.proto'])
    main.message_type.add(name='First')
    main.message_type.add(name='Outer').nested_type.append(click_message(syntax == 'proto3'))
    return main, kinds


def decimal_files():
    google = descriptor_pb2.FileDescriptorProto(name='google/type/decimal.proto', package='google.type', syntax='proto3')
    google.message_type.add(name='Decimal').field.append(field('value', 1, F.TYPE_STRING))
    confluent = descriptor_pb2.FileDescriptorProto(name='confluent/type/decimal.proto', package='confluent.type', syntax='proto3')
    confluent.message_type.add(name='Decimal').field.extend([field('value', 1, F.TYPE_BYTES), field('precision', 2, F.TYPE_UINT32), field('scale', 3, F.TYPE_INT32)])
    return [google, confluent]


def protobuf_case(click):
    at, micros = moment(), moment()
    price, maybe_price, unscaled = decimal_of(18, 4), rng.choice([None, decimal_of(18, 4)]), long_of(60)
    made = click(id=str(uuid.UUID(int=rng.getrandbits(128))), int=long_of(32), long=long_of(), float=rng.randrange(-1000, 1000) / 8,
                 double=double_of(), flag=rng.random() < 0.5, label=words(), day=rng.randrange(0, 2**40), raw_micros=long_of(),
                 kind=rng.choice([0, 1, 7]), tags=[words() for _ in range(rng.randrange(0, 4))], token=words(),
                 kinds=[rng.choice([0, 1, 7]) for _ in range(rng.randrange(0, 3))])
    made.at.FromDatetime(at)
    made.micros.FromDatetime(micros)
    made.price.value = format(price, 'f')
    made.amount.value = unscaled.to_bytes(8, 'big', signed=True)
    made.amount.scale = 2
    maybe_long, maybe_text = rng.choice([None, long_of()]), rng.choice([None, words()])
    if maybe_long is not None:
        made.maybe_long.value = maybe_long
    if maybe_text is not None:
        made.maybe_text = maybe_text
    if maybe_price is not None:
        made.maybe_price.value = format(maybe_price, 'f')
    times = [moment() for _ in range(rng.randrange(0, 3))]
    for time in times:
        made.times.add().FromDatetime(time)
    for _ in range(rng.randrange(0, 3)):
        made.unknown[words()] = b'\xff'
    if rng.random() < 0.3:
        made.other.other.label = 'inner'
    event = {
        'id': made.id, 'at': micros_of(at) // 1000, 'int': made.int, 'long': made.long, 'float': made.float,
        'double': made.double, 'flag': made.flag, 'label': made.label, 'price': plain(price),
        'amount': plain(decimal.Decimal(unscaled).scaleb(-2)), 'day': made.day, 'micros': micros_of(micros) // 1000,
        'raw_micros': made.raw_micros, 'kind': {0: 'VIEW', 1: 'BUY', 7: 'RETURN'}[made.kind], 'maybe_long': maybe_long,
        'maybe_text': maybe_text, 'maybe_price': None if maybe_price is None else plain(maybe_price),
        'tags': list(made.tags), 'times': [micros_of(one) // 1000 for one in times], 'token': made.token,
        'kinds': [{0: 'VIEW', 1: 'BUY', 7: 'RETURN'}[one] for one in made.kinds],
    }
    return {'payload': made.SerializeToString(deterministic=True).hex(), 'event': text_of(event)}


def serialized(file):
    return base64.b64encode(file.SerializeToString(deterministic=True)).decode()


def protobuf_goldens(syntax):
    main, kinds = proto_files(syntax)
    pool = descriptor_pool.DescriptorPool()
    stamps = [descriptor_pb2.FileDescriptorProto.FromString(one.DESCRIPTOR.serialized_pb) for one in (timestamp_pb2, wrappers_pb2)]
    for file in [*stamps, *decimal_files(), kinds, main]:
        pool.Add(file)
    click = message_factory.GetMessageClass(pool.FindMessageTypeByName('shop.events.Outer.Click'))
    return {'syntax': syntax, 'file': serialized(main), 'imports': {'shop/kinds.proto': serialized(kinds)}, 'indexes': [1, 0],
            'records': [protobuf_case(click) for _ in range(60)]}


def write(name, value):
    with open(os.path.join(HERE, name), 'w') as out:
        json.dump(value, out, indent=1, ensure_ascii=True)
        out.write('\n')


parsed = fastavro.parse_schema(AVRO)
write('avro.json', {'columns': COLUMNS, 'schema': AVRO, 'records': [avro_case(parsed) for _ in range(80)]})
write('protobuf.json', {'columns': COLUMNS, 'schemas': [protobuf_goldens(syntax) for syntax in ('proto3', 'proto2')]})
