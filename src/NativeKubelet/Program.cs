namespace NativeKubelet;

internal static class Program
{
    private static int Main(string[] args)
    {
        if (args is ["--version", ..]) Console.Out.WriteLine("Kubernetes v1.36.2");
        return 0;
    }
}
