using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Server.Local;

/// <summary>
/// The agent's own sockets below its run directory: agent.sock (HTTP, see <see cref="LocalRoutes"/>) and stream.sock (exec and
/// attach, see <see cref="StreamServer"/>). Files in a directory of mode 0700, and peers are looked at: a pod on the host's
/// network reaches neither (spec 60 rule 13).
/// </summary>
public sealed partial class LocalApi : IAsyncDisposable
{
    public const string AgentSocket = "agent.sock", StreamSocket = "stream.sock";

    private readonly DirectoryHandle _directory;
    private readonly HttpListener _http;
    private readonly StreamServer _streams;
    private readonly uint _owner;
    private readonly ILogger _log;

    /// <summary>Listens when it returns. The directory is the caller's alone: it holds the agent's lock.</summary>
    /// <param name="ownerUid">Who may talk to the agent: root, but for tests.</param>
    public LocalApi(LocalSources node, string runDirectory, TimeProvider time, ILoggerFactory logs, uint ownerUid = 0)
    {
        _owner = ownerUid;
        _log = logs.CreateLogger<LocalApi>();
        _directory = DirectoryHandle.Open(runDirectory);
        DirectoryHandle.SetMode(_directory.Descriptor, 0x1C0, runDirectory);     // 0700
        _streams = new StreamServer(node.Runtime, _directory, StreamSocket, ownerUid, logs.CreateLogger<StreamServer>());
        _http = new HttpListener(new LocalRoutes(node).Build(), time, logs.CreateLogger<HttpListener>());
        _http.Serve(UnixListener.Listen(_directory, AgentSocket, backlog: 16), Admit);
        LocalApiServed(runDirectory);
    }

    /// <summary>Ends open requests and sessions; execs without a client are told to hang up, attached containers run on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _http.DisposeAsync();
        await _streams.DisposeAsync();
        _directory.Dispose();
    }

    private bool Admit(Socket peer)
    {
        uint uid = UnixListener.PeerUid(peer);
        if (uid == _owner) return true;
        PeerRefused(uid);
        return false;
    }

    [LoggerMessage(LogLevel.Debug, "LocalApiServed in {Directory}")]
    private partial void LocalApiServed(string directory);

    [LoggerMessage(LogLevel.Warning, "LocalPeerRefused: uid {Uid} may not talk to the agent")]
    private partial void PeerRefused(uint uid);
}
