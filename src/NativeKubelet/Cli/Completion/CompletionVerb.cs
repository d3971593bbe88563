namespace NativeKubelet.Cli.Completion;

/// <summary><c>completion</c>: the script that makes a shell complete this program's words. It asks the program itself, and so is never out of date.</summary>
public sealed class CompletionVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "completion", "bash|zsh|fish", "prints a script for a shell: source <(nativekubelet completion bash)", [], RunAsync)
    { Choices = ["bash", "zsh", "fish"] };

    private Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        string shell = call.Operand(0, "the shell");
        console.Out.Write(CompletionScripts.Of(shell) ?? throw new UsageException(call.Verb, $"there is no completion for \"{shell}\"; it is made for bash, zsh and fish"));
        console.Out.Flush();
        return Task.FromResult(0);
    }
}
