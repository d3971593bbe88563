using System.Globalization;

namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>
/// Ports forwarded over one connection: each of a client's local connections is a pair of streams, data and error, that carry
/// the same request number. A pair that fails says why and leaves the others alone.
/// </summary>
internal sealed class SpdyPortForward(PortForward forward, TimeSpan patience, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Pair> _pairs = [];
    private readonly List<Task> _running = [];
    private CancellationToken _left;

    /// <summary>Serves pairs until the client has left.</summary>
    public async Task RunAsync(SpdyConnection connection, CancellationToken cancel)
    {
        _left = connection.Gone;
        await connection.RunAsync(cancel);
        Task[] running;
        lock (_gate) running = [.. _running];
        await Task.WhenAll(running);
    }

    public bool Offer(SpdyStream stream)
    {
        string type = stream.Header("streamtype");
        if (type is not ("data" or "error") || !ushort.TryParse(stream.Header("port"), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0) return false;
        lock (_gate)
        {
            string id = RequestOf(stream, type);
            if (!_pairs.TryGetValue(id, out Pair? pair))
            {
                _pairs[id] = pair = new Pair(id);
                _running.RemoveAll(t => t.IsCompleted);
                _running.Add(ServeAsync(pair, _left));
            }
            return pair.TryAdd(type, stream, port);
        }
    }

    /// <summary>Old clients number no requests: there the error stream comes first, and the data stream is the next one.</summary>
    private static string RequestOf(SpdyStream stream, string type)
    {
        string given = stream.Header("requestid");
        return given.Length > 0 ? given : (type == "error" ? stream.Id : stream.Id - 2).ToString(CultureInfo.InvariantCulture);
    }

    private async Task ServeAsync(Pair pair, CancellationToken left)
    {
        bool complete = false;
        try
        {
            await pair.Complete.WaitAsync(patience, time, left);
            complete = true;
        }
        catch (TimeoutException)
        {
            if (pair.Error is { } error) await PortForward.SayAsync(error, $"request {pair.Id}: timed out waiting for streams", left);
        }
        catch (OperationCanceledException)
        {
            // The client has left.
        }
        lock (_gate) _pairs.Remove(pair.Id);
        if (complete) await forward.RunAsync(pair.Port, pair.Data!, pair.Error!, left);
        pair.Error?.Dispose();
        pair.Data?.Dispose();
    }

    private sealed class Pair(string id)
    {
        private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Id => id;

        public SpdyStream? Data { get; private set; }

        public SpdyStream? Error { get; private set; }

        /// <summary>Of the data stream, as in the original.</summary>
        public int Port { get; private set; }

        public Task Complete => _complete.Task;

        /// <returns>False when it has one of that type.</returns>
        public bool TryAdd(string type, SpdyStream stream, int port)
        {
            if ((type == "data" ? Data : Error) is not null) return false;
            if (type == "data") (Data, Port) = (stream, port);
            else Error = stream;
            if (Data is not null && Error is not null) _complete.TrySetResult();
            return true;
        }
    }
}
