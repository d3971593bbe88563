using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Status;

namespace NativeKubelet.Composition;

/// <summary>
/// Gives memory back when the node has come to rest: once after the start, and after each burst of changes. A node at rest
/// wakes for none of this.
/// </summary>
internal sealed partial class QuietMemory(StatusBoard board, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    public async Task RunAsync(CancellationToken cancel)
    {
        while (true)
        {
            long version = await RestAsync(cancel);
            // Compacting, as the kernel gets only whole pages back; there is nobody to wait for it now.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Released(OwnPages.ReleaseFilePages());
            await board.NextAsync(version, cancel);
        }
    }

    /// <returns>The board's version that has stood for <see cref="Rest"/>.</returns>
    private async Task<long> RestAsync(CancellationToken cancel)
    {
        while (true)
        {
            long version = board.Now.Version;
            await Task.Delay(Rest, time, cancel);
            if (board.Now.Version == version) return version;
        }
    }

    [LoggerMessage(LogLevel.Debug, "FilePagesReleased kilobytes={Kilobytes}")]
    private partial void Released(long kilobytes);
}
