using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace NativeKubelet.Cli;

/// <summary>One HTTP/1.1 answer on a connection of its own: status, then a body of known length or in chunks.</summary>
internal sealed class AgentAnswer : IDisposable
{
    private const int LargestLine = 16 * 1024, LargestChunk = 64 * 1024 * 1024;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start, _end;
    private int _length;
    private bool _chunked;

    private AgentAnswer(Socket socket) => _socket = socket;

    /// <summary>Takes over <paramref name="socket"/>.</summary>
    /// <exception cref="VerbException">The agent refused; the message is its own.</exception>
    public static async Task<AgentAnswer> ToAsync(Socket socket, string method, string target, CancellationToken cancel)
    {
        byte[] request = Encoding.ASCII.GetBytes($"{method} {target} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
        for (int sent = 0; sent < request.Length;) sent += await socket.SendAsync(request.AsMemory(sent), SocketFlags.None, cancel);

        AgentAnswer answer = new(socket);
        string[] status = (await answer.ReadLineAsync(cancel)).Split(' ', 3);
        for (string header; (header = await answer.ReadLineAsync(cancel)).Length > 0;)
        {
            string[] parts = header.Split(':', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase)) _ = int.TryParse(parts[^1], out answer._length);
            if (parts[0].Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)) answer._chunked = parts[^1] == "chunked";
        }
        if (status is [_, "200" or "202", ..]) return answer;
        string text = Encoding.UTF8.GetString(await answer.ReadAllAsync(cancel)).Trim();
        throw new VerbException(text.Length > 0 ? text : $"the agent answered {string.Join(' ', status)} to {method} {target}");
    }

    public async Task<byte[]> ReadAllAsync(CancellationToken cancel)
    {
        if (!_chunked) return await TakeAsync(_length, cancel);
        List<byte> all = [];
        while (await ReadChunkAsync(cancel) is { } chunk) all.AddRange(chunk);
        return [.. all];
    }

    /// <returns>Null at the end. An answer that is not in chunks is one.</returns>
    public async Task<byte[]?> ReadChunkAsync(CancellationToken cancel)
    {
        if (!_chunked)
        {
            if (_length == 0) return null;
            byte[] whole = await TakeAsync(_length, cancel);
            _length = 0;
            return whole;
        }
        string size = await ReadLineAsync(cancel);
        if (!int.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int length) || length is < 0 or > LargestChunk)
            throw new VerbException("the agent's answer is no HTTP");
        byte[] chunk = await TakeAsync(length, cancel);
        _ = await ReadLineAsync(cancel);
        return length == 0 ? null : chunk;
    }

    public void Dispose() => _socket.Dispose();

    private async Task<byte[]> TakeAsync(int length, CancellationToken cancel)
    {
        byte[] result = new byte[length];
        for (int filled = 0; filled < length;)
        {
            if (_start == _end) await FillAsync(cancel);
            int count = Math.Min(length - filled, _end - _start);
            _buffer.AsSpan(_start, count).CopyTo(result.AsSpan(filled));
            _start += count;
            filled += count;
        }
        return result;
    }

    private async Task<string> ReadLineAsync(CancellationToken cancel)
    {
        StringBuilder line = new();
        while (true)
        {
            if (_start == _end) await FillAsync(cancel);
            int end = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            int count = end < 0 ? _end - _start : end;
            line.Append(Encoding.ASCII.GetString(_buffer, _start, count));
            _start += end < 0 ? count : count + 1;
            if (end >= 0) return line.ToString().TrimEnd('\r');
            if (line.Length > LargestLine) throw new VerbException("the agent's answer is no HTTP");
        }
    }

    private async Task FillAsync(CancellationToken cancel)
    {
        _start = _end = 0;
        int count;
        try
        {
            count = await _socket.ReceiveAsync(_buffer, SocketFlags.None, cancel);
        }
        catch (SocketException)
        {
            count = 0;
        }
        if (count == 0) throw new AgentAbsentException("the agent closed the connection in the middle of its answer");
        _end = count;
    }
}
