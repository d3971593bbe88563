using System.Collections.Immutable;
using System.Net.Sockets;
using System.Threading.Channels;
using NativeKubelet.Runtime;

namespace NativeKubelet.Tests.Node.Stats;

/// <summary>A runtime that lists what it was told, whatever became of it: the listing is always older than the kernel.</summary>
internal sealed class FrozenRuntime(ImmutableArray<SandboxState> sandboxes) : IContainerRuntime
{
    public ImmutableArray<SandboxState> Sandboxes => sandboxes;
    public ChannelReader<RuntimeEvent> Events => throw Refused;
    private static NotSupportedException Refused => new("only lists");
    public Task<SandboxState> CreateSandboxAsync(SandboxSpec spec, CancellationToken cancel) => throw Refused;
    public bool IsWhole(string sandboxId) => true;

    public Task StopSandboxAsync(string sandboxId, CancellationToken cancel) => throw Refused;
    public Task RemoveSandboxAsync(string sandboxId, CancellationToken cancel) => throw Refused;
    public Task<ContainerState> StartContainerAsync(ContainerStart start, CancellationToken cancel) => throw Refused;
    public Task StopContainerAsync(string containerId, TimeSpan grace, CancellationToken cancel) => throw Refused;
    public Task EndOfAsync(string containerId) => throw Refused;
    public Task RemoveContainerAsync(string containerId, CancellationToken cancel) => throw Refused;
    public void Supersede(IReadOnlyCollection<string> containerIds) => throw Refused;
    public Task ResizeAsync(PodResize resize, CancellationToken cancel) => throw Refused;
    public Task<ExecSession> ExecAsync(ExecStart start, CancellationToken cancel) => throw Refused;
    public Task<AttachSession> AttachAsync(AttachStart start, CancellationToken cancel) => throw Refused;
    public Task<Socket> DialAsync(string sandboxId, int port, CancellationToken cancel) => throw Refused;
}
