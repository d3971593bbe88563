using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using NativeKubelet.Api.Local;
using NativeKubelet.Runtime;

namespace NativeKubelet.Server.Local;

/// <summary>A pull or an import as lines: its progress, then its images or its error.</summary>
internal static class ImageLines
{
    /// <param name="told">What is said of a failure.</param>
    public static async IAsyncEnumerable<PullLine> Of(
        Func<IProgress<PullProgress>, Task<ImmutableArray<ImageRecord>>> work,
        Func<ImageRecord, ImageDocument> shown,
        Func<ImageException, string> told,
        [EnumeratorCancellation] CancellationToken cancel)
    {
        // Progress comes from many layers at once and faster than anyone reads: a slow reader loses lines, never slows the work.
        Channel<PullProgress> lines = Channel.CreateBounded<PullProgress>(new BoundedChannelOptions(64) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        Task<ImmutableArray<ImageRecord>> task = work(new Reporter(lines.Writer));
        Task ended = task.ContinueWith(_ => lines.Writer.TryComplete(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        try
        {
            await foreach (PullProgress p in lines.Reader.ReadAllAsync(cancel)) yield return new PullLine(p.Layer, p.Done, p.Total, p.Stage);
        }
        finally
        {
            await ended;
        }
        List<PullLine> last;
        try
        {
            last = [.. (await task).Select(i => new PullLine(Image: shown(i)))];
        }
        catch (ImageException e)
        {
            last = [new PullLine(Error: told(e))];
        }
        foreach (PullLine line in last) yield return line;
    }

    private sealed class Reporter(ChannelWriter<PullProgress> to) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => to.TryWrite(value);
    }
}
