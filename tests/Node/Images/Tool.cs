using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>Runs another program as an independent witness; what it says to stderr is the reason of a failure.</summary>
public static class Tool
{
    public static string Run(string program, params string[] arguments) => RunAsync(program, arguments).GetAwaiter().GetResult();

    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        SpawnRequest request = new(program, [program, .. arguments]) { Environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"] };
        ToolResult result = await ToolRun.RunAsync(request, default, 16 << 20, TimeLimit.Of(120), CancellationToken.None);
        Assert.True(result.Exit.Success, $"{program} {string.Join(' ', arguments)}: {System.Text.Encoding.UTF8.GetString(result.Error)}");
        return System.Text.Encoding.UTF8.GetString(result.Output);
    }
}
