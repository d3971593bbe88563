namespace NativeKubelet;

/// <summary>Loops that are only of use together.</summary>
internal static class Loops
{
    /// <summary>
    /// The first that faults ends the others and is told: <see cref="Task.WhenAll(Task[])"/> alone would wait for loops that never end, and
    /// nobody would hear of it. One that ends well ends alone.
    /// </summary>
    public static async Task TogetherAsync(CancellationToken cancel, params Func<CancellationToken, Task>[] loops)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        List<Task> running = [.. loops.Select(loop => loop(ending.Token))];
        try
        {
            await foreach (Task ended in Task.WhenEach(running)) await ended;
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(running).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }
}
