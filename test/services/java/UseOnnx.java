import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;

/** Runs an ONNX file by ONNX Runtime in a JVM, as executors of Spark do: `UseOnnx.java file`. */
public class UseOnnx {
  public static void main(String[] args) throws Exception {
    try (OrtEnvironment environment = OrtEnvironment.getEnvironment();
        OrtSession session = environment.createSession(args[0])) {
      System.out.println("loaded " + session.getInputNames());
    }
  }
}
