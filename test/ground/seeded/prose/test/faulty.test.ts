test('a reader is told of a change', () => {});
