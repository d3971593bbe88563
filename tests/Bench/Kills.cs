using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Bench;

/// <summary>The agent killed again and again while pods come, change and go: the node test with the number that takes longer than a test may.</summary>
public static class Kills
{
    private const int Count = 1000;

    public static async Task RunAsync(Figures figures)
    {
        Environment.SetEnvironmentVariable("NK_KILLS", $"{Count}");
        string said = "0, 0, none";
        try
        {
            await new ReplaceableAgentTests().Killed_a_hundred_times_under_churn_it_restarts_no_container_and_loses_no_log_line();
        }
        catch (Exception e)
        {
            said = e.Message.Split('\n')[0];
        }
        figures.Add(new($"agent killed {Count} times under churn: containers restarted, log lines lost, leftovers", said, "", "0, 0, none", said == "0, 0, none"));
    }
}
