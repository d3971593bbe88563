namespace NativeKubelet.Tests.Unit.App;

public sealed class LoopsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task The_first_fault_ends_the_others_and_is_told()
    {
        TaskCompletionSource faulty = new();
        bool cancelled = false;
        Task together = Loops.TogetherAsync(TestContext.Current.CancellationToken, EndlessAsync, static _ => Task.CompletedTask, _ => faulty.Task);

        Assert.False(together.IsCompleted);
        faulty.SetException(new InvalidDataException("why"));

        Assert.Equal("why", (await Assert.ThrowsAsync<InvalidDataException>(() => together.WaitAsync(Patience))).Message);
        Assert.True(cancelled);

        async Task EndlessAsync(CancellationToken cancel)
        {
            try
            {
                await Task.Delay(Timeout.Infinite, cancel);
            }
            finally
            {
                cancelled = true;
            }
        }
    }

    [Fact]
    public async Task All_that_end_well_end_it()
    {
        TaskCompletionSource last = new();
        Task together = Loops.TogetherAsync(TestContext.Current.CancellationToken, static _ => Task.CompletedTask, _ => last.Task);

        Assert.False(together.IsCompleted);
        last.SetResult();
        await together.WaitAsync(Patience);
    }
}
