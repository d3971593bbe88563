using System.Text;

namespace NativeKubelet.Server;

/// <summary>A request of HTTP/1.1 as far as the local socket and the health port need it (RFC 9112).</summary>
/// <param name="Path">Decoded, without the query.</param>
public sealed record HttpRequest(
    string Method,
    string Path,
    IReadOnlyDictionary<string, string> Query,
    IReadOnlyDictionary<string, string> Headers,
    bool KeepAlive,
    int ContentLength)
{
    /// <summary>Everything up to the empty line; longer heads are refused (spec 60 rule 24).</summary>
    public const int LargestHead = 16 * 1024;

    public const int LargestBody = 1024 * 1024;

    /// <summary>Reads one head from the front of <paramref name="bytes"/>.</summary>
    /// <returns>The bytes that the head took, 0 while it is not whole.</returns>
    /// <exception cref="HttpFormatException">It never will be a request that is served here.</exception>
    public static int TryParse(ReadOnlySpan<byte> bytes, out HttpRequest? request)
    {
        request = null;
        int end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0 || end > LargestHead)
            return bytes.Length > LargestHead ? throw new HttpFormatException(431, $"request head is larger than {LargestHead} bytes") : 0;

        ReadOnlySpan<byte> head = bytes[..end];
        if (head.ContainsAnyExceptInRange((byte)0x09, (byte)0x7E)) throw new HttpFormatException(400, "request head has bytes that are not printable ASCII");
        string[] lines = Encoding.ASCII.GetString(head).Split("\r\n");
        string[] start = lines[0].Split(' ');
        if (start.Length != 3 || start[0].Length == 0 || !start[1].StartsWith('/')) throw new HttpFormatException(400, "malformed request line");
        if (start[2] is not ("HTTP/1.1" or "HTTP/1.0")) throw new HttpFormatException(505, $"version {start[2]} is not served here");

        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            // A folded or nameless line is how requests are smuggled; nothing legitimate sends one.
            if (colon <= 0 || line[..colon].AsSpan().ContainsAny(" \t")) throw new HttpFormatException(400, "malformed header line");
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }
        if (headers.ContainsKey("Transfer-Encoding")) throw new HttpFormatException(501, "chunked request bodies are not taken here");

        int length = 0;
        if (headers.TryGetValue("Content-Length", out string? text)
            && (!int.TryParse(text, System.Globalization.NumberStyles.None, null, out length) || length > LargestBody))
            throw new HttpFormatException(413, $"content length {text} is not between 0 and {LargestBody}");

        bool close = headers.TryGetValue("Connection", out string? connection) && connection.Contains("close", StringComparison.OrdinalIgnoreCase);
        int question = start[1].IndexOf('?', StringComparison.Ordinal);
        request = new HttpRequest(
            start[0],
            Uri.UnescapeDataString(question < 0 ? start[1] : start[1][..question]),
            question < 0 ? new Dictionary<string, string>() : ParseQuery(start[1][(question + 1)..]),
            headers,
            start[2] == "HTTP/1.1" && !close,
            length);
        return end + 4;
    }

    private static Dictionary<string, string> ParseQuery(string query)
    {
        Dictionary<string, string> values = [];
        foreach (string pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = pair.Split('=', 2);
            values[Uri.UnescapeDataString(parts[0].Replace('+', ' '))] = parts.Length == 2 ? Uri.UnescapeDataString(parts[1].Replace('+', ' ')) : "";
        }
        return values;
    }
}

/// <summary>Bytes that are no request served here, and the status that says so.</summary>
public sealed class HttpFormatException(int status, string message) : Exception(message)
{
    public int Status { get; } = status;
}
