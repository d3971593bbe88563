using System.Buffers.Text;
using System.Text;

namespace NativeKubelet.Core.Probes;

/// <summary>What a probed server said so far. Bytes come from a container, so nothing is believed and little is kept.</summary>
/// <param name="Location">Of a redirect; empty without.</param>
/// <param name="Body">At most <see cref="ProbeOutcome.MostBytes"/>.</param>
/// <param name="Complete">No more has to be read.</param>
public sealed record HttpAnswer(int Status, string Location, string Body, bool Complete)
{
    /// <summary>A head that is longer has not come to its end.</summary>
    public const int MostHeadBytes = 64 * 1024;

    private static readonly byte[] HeadEnd = "\r\n\r\n"u8.ToArray();

    public bool IsRedirect => Status is >= 300 and < 400;

    /// <param name="closed">The server sends no more.</param>
    /// <returns>Null: the head is not complete yet.</returns>
    /// <exception cref="FormatException">This is no HTTP, or too much of it.</exception>
    public static HttpAnswer? Parse(ReadOnlySpan<byte> data, bool closed)
    {
        while (true)
        {
            if (data.Length >= 5 && !data.StartsWith("HTTP/"u8)) throw new FormatException($"malformed HTTP response \"{Line(data)}\"");
            int end = data.IndexOf(HeadEnd);
            if (end < 0)
                return data.Length > MostHeadBytes ? throw new FormatException("server response headers exceeded 65536 bytes; aborted")
                    : closed ? throw new FormatException(data.IsEmpty ? "EOF" : "unexpected EOF") : null;
            int status = StatusOf(data[..end]);
            ReadOnlySpan<byte> rest = data[(end + HeadEnd.Length)..];
            if (status is >= 200 or 101) return Of(status, data[..end], rest, closed);
            data = rest;        // 100 Continue and the like come before the answer
        }
    }

    private static HttpAnswer Of(int status, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, bool closed)
    {
        string location = "", coding = "";
        long length = -1;
        foreach (string line in Encoding.Latin1.GetString(head).Split("\r\n").Skip(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0) continue;
            string value = line[(colon + 1)..].Trim();
            switch (line[..colon].ToLowerInvariant())
            {
                case "location": location = value; break;
                case "transfer-encoding": coding = value; break;
                case "content-length" when long.TryParse(value, out long given) && given >= 0: length = given; break;
            }
        }
        if (status is 204 or 304 or 101) return new(status, location, "", true);
        if (coding.Equals("chunked", StringComparison.OrdinalIgnoreCase))
        {
            (byte[] content, bool last) = Unchunked(body);
            return new(status, location, Encoding.UTF8.GetString(content), last);
        }
        bool whole = length >= 0 ? body.Length >= Math.Min(length, ProbeOutcome.MostBytes) : closed || body.Length >= ProbeOutcome.MostBytes;
        int most = (int)Math.Min(length >= 0 ? length : int.MaxValue, ProbeOutcome.MostBytes);
        return new(status, location, Encoding.UTF8.GetString(body[..Math.Min(body.Length, most)]), whole);
    }

    /// <summary>The status line: HTTP/1.1 200 OK.</summary>
    private static int StatusOf(ReadOnlySpan<byte> head)
    {
        int end = head.IndexOf((byte)'\r');
        ReadOnlySpan<byte> line = end < 0 ? head : head[..end];
        int blank = line.IndexOf((byte)' ');
        if (blank > 0 && line.Length >= blank + 4 && Utf8Parser.TryParse(line.Slice(blank + 1, 3), out int status, out int used) && used == 3 && status >= 100)
            return status;
        throw new FormatException($"malformed HTTP response \"{Line(head)}\"");
    }

    private static (byte[] Content, bool Last) Unchunked(ReadOnlySpan<byte> data)
    {
        List<byte> content = [];
        while (content.Count < ProbeOutcome.MostBytes)
        {
            int end = data.IndexOf("\r\n"u8);
            if (end < 0) return ([.. content], false);
            if (!Utf8Parser.TryParse(data[..end], out long size, out _, 'x') || size is < 0 or > int.MaxValue - 2) throw new FormatException("malformed chunked encoding");
            if (size == 0) return ([.. content], true);
            data = data[(end + 2)..];
            int take = (int)Math.Min(Math.Min(size, data.Length), ProbeOutcome.MostBytes - content.Count);
            content.AddRange(data[..take]);
            if (data.Length < size + 2) return ([.. content], content.Count >= ProbeOutcome.MostBytes);
            data = data[((int)size + 2)..];
        }
        return ([.. content], true);
    }

    private static string Line(ReadOnlySpan<byte> data)
    {
        int end = data.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = (end < 0 ? data : data[..end]).TrimEnd((byte)'\r');
        StringBuilder text = new();
        foreach (byte value in line[..Math.Min(line.Length, 80)])
            if (value is >= 0x20 and < 0x7F) text.Append((char)value);
            else text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\x{value:x2}");
        return text.ToString();
    }
}
