using System.Buffers.Text;
using System.Text;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>
/// An extended header: "LENGTH KEY=VALUE\n" again and again (POSIX pax(1)). Later records of a key replace earlier ones;
/// an empty value takes the key back.
/// </summary>
internal sealed class PaxRecords
{
    private const string AttributePrefix = "SCHILY.xattr.";
    private readonly Dictionary<string, byte[]> _values = new(StringComparer.Ordinal);

    /// <summary>Offsets and lengths of GNU sparse format 0.0, where keys are repeated and order counts.</summary>
    public List<long> SparseNumbers { get; } = [];

    public IEnumerable<KeyValuePair<string, byte[]>> Attributes =>
        _values.Where(v => v.Key.StartsWith(AttributePrefix, StringComparison.Ordinal) && v.Key.Length > AttributePrefix.Length)
            .Select(v => KeyValuePair.Create(v.Key[AttributePrefix.Length..], v.Value));

    /// <summary>Adds the records of a header to those known so far.</summary>
    /// <exception cref="ImageFormatException">Not of that form.</exception>
    public void Add(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            // Padding with zeros after the last record is seen in the wild.
            if (data[0] == 0 && data.IndexOfAnyExcept((byte)0) < 0) return;
            if (!Utf8Parser.TryParse(data, out int length, out int digits) || digits > 9 || length > data.Length || length < digits + 4
                || data[digits] != ' ' || data[length - 1] != '\n')
                throw new ImageFormatException("tar extended header: a record's length does not fit");
            ReadOnlySpan<byte> record = data[(digits + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals <= 0) throw new ImageFormatException("tar extended header: a record has no key");
            string key = Encoding.UTF8.GetString(record[..equals]);
            ReadOnlySpan<byte> value = record[(equals + 1)..];
            if (key is "GNU.sparse.offset" or "GNU.sparse.numbytes") SparseNumbers.Add(Decimal(value, key));
            else if (value.IsEmpty && !key.StartsWith(AttributePrefix, StringComparison.Ordinal)) _values.Remove(key);
            else _values[key] = value.ToArray();
            data = data[length..];
        }
    }

    public bool Has(string key) => _values.ContainsKey(key);

    public byte[]? Bytes(string key) => _values.GetValueOrDefault(key);

    public KernelPath? Path(string key)
    {
        if (!_values.TryGetValue(key, out byte[]? value)) return null;
        return value.Contains((byte)0) ? throw new ImageFormatException($"tar extended header: {key} holds a NUL byte") : new(value);
    }

    public long? Number(string key) => _values.TryGetValue(key, out byte[]? value) ? Decimal(value, key) : null;

    /// <summary>Seconds with an optional fraction; digits beyond nanoseconds are dropped.</summary>
    public FileTime? Time(string key)
    {
        if (!_values.TryGetValue(key, out byte[]? value)) return null;
        ReadOnlySpan<byte> text = value;
        int dot = text.IndexOf((byte)'.');
        ReadOnlySpan<byte> whole = dot < 0 ? text : text[..dot], fraction = dot < 0 ? [] : text[(dot + 1)..];
        bool negative = whole.StartsWith("-"u8);
        if (!Utf8Parser.TryParse(whole, out long seconds, out int used) || used != whole.Length) throw NoNumber(key);
        long nanoseconds = 0;
        for (int i = 0; i < 9; i++)
        {
            byte digit = i < fraction.Length ? fraction[i] : (byte)'0';
            if (digit is < (byte)'0' or > (byte)'9') throw NoNumber(key);
            nanoseconds = nanoseconds * 10 + digit - '0';
        }
        // The kernel counts nanoseconds upward from the second below.
        return negative && nanoseconds > 0 ? new(seconds - 1, 1_000_000_000 - nanoseconds) : new(seconds, nanoseconds);
    }

    public static long Decimal(ReadOnlySpan<byte> text, string what) =>
        Utf8Parser.TryParse(text, out long number, out int used) && used == text.Length && number >= 0 ? number : throw NoNumber(what);

    private static ImageFormatException NoNumber(string what) => new($"tar extended header: {what} is no number");
}
