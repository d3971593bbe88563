using System.Diagnostics;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Tests.Unit.Linux.Files;

public sealed class FileLockTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void The_second_one_learns_who_holds_it()
    {
        using FileLock? first = FileLock.TryTake(_directory["lock"], out _);

        using FileLock? second = FileLock.TryTake(_directory["lock"], out int holder);

        Assert.NotNull(first);
        Assert.Null(second);
        Assert.Equal(Environment.ProcessId, holder);
    }

    [Fact]
    public void It_is_free_again_when_its_holder_lets_go()
    {
        FileLock.TryTake(_directory["lock"], out _)!.Dispose();

        using FileLock? again = FileLock.TryTake(_directory["lock"], out _);

        Assert.NotNull(again);
    }

    [Fact]
    public async Task Programs_that_are_being_started_beside_it_do_not_keep_it()
    {
        using CancellationTokenSource enough = new();
        // Between fork and exec a child has all descriptors of its parent, this one too.
        Task starting = Task.Run(() =>
        {
            while (!enough.IsCancellationRequested) Process.Start("true").WaitForExit();
        });
        for (int i = 0; i < 300; i++)
        {
            using FileLock? taken = FileLock.TryTake(_directory["lock"], out _);
            Assert.NotNull(taken);
        }
        await enough.CancelAsync();
        await starting;
    }

    [Fact]
    public void Garbage_left_in_the_file_does_no_harm()
    {
        File.WriteAllText(_directory["lock"], "garbage that is much longer than any pid\n");

        FileLock? taken = FileLock.TryTake(_directory["lock"], out int holder);

        Assert.NotNull(taken);
        taken.Dispose();
        Assert.Equal($"{holder}\n", File.ReadAllText(_directory["lock"]));
    }

    public void Dispose() => _directory.Dispose();
}
