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
