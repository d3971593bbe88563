using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Tests.Unit.Runtime.Containers;

public sealed class ContainerRecordTests
{
    private static readonly DateTimeOffset T0 = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly ContainerRecord Running = new(
        ContainerRecord.CurrentVersion, new string('a', 64), "sandbox", "uid", "web", "default", 0, "main", 0, 0, "00000000", "image", "sha256:0", "boot", "/group", 15, "/log", "/words",
        "File", false, T0, ContainerPhase.Running, 7, T0.AddSeconds(2), null, 0, "", "", new(0, 0, [0]), "{\"name\":\"main\"}");

    [Fact]
    public void What_ended_before_its_start_was_told_of_began_no_later_than_it_ended()
    {
        ContainerState ended = Running.Ended(3, "Error", "", T0.AddSeconds(1)).ToState();

        Assert.Equal((T0.AddSeconds(1), T0.AddSeconds(1), 3), (ended.StartedAt, ended.FinishedAt, ended.ExitCode));
        Assert.Equal(T0.AddSeconds(2), Running.Ended(0, "Completed", "", T0.AddSeconds(9)).StartedAt);
    }

    [Fact]
    public void A_record_is_read_as_it_was_written_and_one_of_an_older_agent_has_no_hook()
    {
        ContainerRecord read = ContainerRecord.TryParse(Running.ToJson())!;
        Assert.Equal(Running.BeforeStop, read.ToState().BeforeStop);
        Assert.Equal(Running.StartedAt, read.StartedAt);

        string older = System.Text.Encoding.UTF8.GetString(Running.ToJson()).Replace(",\"beforeStop\":\"{\\u0022name\\u0022:\\u0022main\\u0022}\"", "", StringComparison.Ordinal);
        Assert.DoesNotContain("beforeStop", older, StringComparison.Ordinal);
        Assert.Null(ContainerRecord.TryParse(System.Text.Encoding.UTF8.GetBytes(older))!.ToState().BeforeStop);
    }
}
