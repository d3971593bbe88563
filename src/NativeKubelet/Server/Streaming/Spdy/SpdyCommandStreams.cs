namespace NativeKubelet.Server.Streaming.Spdy;

/// <summary>Gathers the streams that the client of a command opens, in whatever order; each names itself in a header.</summary>
internal sealed class SpdyCommandStreams(CommandWish wish, SpdyCommandProtocol protocol)
{
    private readonly Dictionary<string, SpdyStream> _streams = [];
    private readonly TaskCompletionSource<CommandStreams> _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when every stream is there that the request and the protocol ask for.</summary>
    public Task<CommandStreams> Complete => _complete.Task;

    public bool Offer(SpdyStream stream)
    {
        string type = stream.Header("streamtype");
        if (!IsWanted(type) || !_streams.TryAdd(type, stream)) return false;
        int wanted = ((string[])["error", "stdin", "stdout", "stderr", "resize"]).Count(IsWanted);
        if (_streams.Count == wanted)
            _complete.TrySetResult(new(Find("stdin"), Find("stdout"), Find("stderr"), _streams["error"], Find("resize"), protocol.JsonStatus));
        return true;
    }

    private bool IsWanted(string type) => type switch
    {
        "error" => true,
        "stdin" => wish.Input,
        "stdout" => wish.Output,
        "stderr" => wish.Error,
        "resize" => wish.Tty && protocol.Resizes,
        _ => false,
    };

    private SpdyStream? Find(string type) => _streams.GetValueOrDefault(type);
}

/// <summary>A version of the remote command protocol over SPDY.</summary>
/// <param name="Resizes">The client of a terminal opens a stream for its sizes.</param>
internal sealed record SpdyCommandProtocol(string Name, bool Resizes, bool JsonStatus)
{
    public static IReadOnlyList<SpdyCommandProtocol> All { get; } =
    [
        new("v4.channel.k8s.io", Resizes: true, JsonStatus: true), new("v3.channel.k8s.io", Resizes: true, JsonStatus: false),
        new("v2.channel.k8s.io", Resizes: false, JsonStatus: false), new("channel.k8s.io", Resizes: false, JsonStatus: false),
    ];
}
