using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NativeKubelet.Tests.Node.Images.Registry;

/// <param name="Target">As it stands in the request's first line.</param>
/// <param name="Headers">Names in lower case.</param>
public sealed record LoopbackRequest(string Method, string Target, ImmutableDictionary<string, string> Headers, string Body)
{
    public string? this[string header] => Headers.GetValueOrDefault(header);
}

/// <summary>Headers, then a body of which a part may be held back: the connection closes after what is given.</summary>
/// <param name="Length">What Content-Length promises; null for the truth.</param>
public sealed record LoopbackAnswer(int Status, byte[] Body, ImmutableArray<string> Headers, long? Length = null)
{
    /// <summary>The connection stays open until this.</summary>
    public Task Then { get; init; } = Task.CompletedTask;

    public static LoopbackAnswer Of(int status, string body = "", params string[] headers) => new(status, Encoding.UTF8.GetBytes(body), [.. headers]);
}

/// <summary>
/// For what a real registry cannot be brought to do: an HTTP/1.1 server, one request per connection, that answers as told and
/// remembers what it was asked.
/// </summary>
public sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<LoopbackRequest, CancellationToken, Task<LoopbackAnswer>> _answer;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false });
    private readonly List<LoopbackRequest> _requests = [];
    private readonly Task _accepting;

    public LoopbackServer(Func<LoopbackRequest, CancellationToken, Task<LoopbackAnswer>> answer)
    {
        _answer = answer;
        _listener.Start();
        Host = $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    public LoopbackServer(Func<LoopbackRequest, LoopbackAnswer> answer) : this((request, _) => Task.FromResult(answer(request)))
    {
    }

    public string Host { get; }

    public IReadOnlyList<LoopbackRequest> Requests { get { lock (_requests) return [.. _requests]; } }

    /// <summary>What a real registry says to the same request.</summary>
    public async Task<LoopbackAnswer> ForwardAsync(string host, LoopbackRequest request, CancellationToken cancel)
    {
        string target = request.Target.StartsWith("http", StringComparison.Ordinal) ? new Uri(request.Target).PathAndQuery : request.Target;
        using HttpRequestMessage forwarded = new(new HttpMethod(request.Method), $"http://{host}{target}");
        foreach (string name in (string[])["accept", "range", "authorization"])
            if (request[name] is { } value) forwarded.Headers.TryAddWithoutValidation(name, value);
        using HttpResponseMessage response = await _http.SendAsync(forwarded, cancel);
        ImmutableArray<string> headers =
        [
            .. response.Headers.Concat(response.Content.Headers).Where(h => h.Key is "Content-Type" or "Content-Range" or "Docker-Content-Digest" or "WWW-Authenticate")
                .Select(h => $"{h.Key}: {h.Value.First()}"),
        ];
        return new((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancel), headers);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _http.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true) connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // Stopped while it waited, or just before it asked again.
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using TcpClient connection = client;
        try
        {
            await using NetworkStream stream = connection.GetStream();
            if (await ReadAsync(stream) is not { } request) return;
            lock (_requests) _requests.Add(request);
            LoopbackAnswer answer = await _answer(request, _end.Token);
            string head = string.Concat([
                $"HTTP/1.1 {answer.Status} Said\r\n", .. answer.Headers.Select(h => h + "\r\n"), $"Content-Length: {answer.Length ?? answer.Body.Length}\r\nConnection: close\r\n\r\n"]);
            await stream.WriteAsync(Encoding.Latin1.GetBytes(head), _end.Token);
            await stream.WriteAsync(answer.Body, _end.Token);
            await answer.Then.WaitAsync(_end.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client left, or the test ended.
        }
    }

    private async Task<LoopbackRequest?> ReadAsync(NetworkStream stream)
    {
        using MemoryStream head = new();
        byte[] one = new byte[1];
        while (!Encoding.Latin1.GetString(head.GetBuffer(), 0, (int)head.Length).EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _end.Token) == 0) return null;
            head.WriteByte(one[0]);
        }
        string[] lines = Encoding.Latin1.GetString(head.ToArray()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        ImmutableDictionary<string, string> headers = lines.Skip(1).Select(l => l.Split(':', 2)).ToImmutableDictionary(l => l[0].ToLowerInvariant(), l => l[1].Trim());
        byte[] body = new byte[int.Parse(headers.GetValueOrDefault("content-length") ?? "0")];
        await stream.ReadExactlyAsync(body, _end.Token);
        string[] first = lines[0].Split(' ');
        return new(first[0], first[1], headers, Encoding.UTF8.GetString(body));
    }
}
